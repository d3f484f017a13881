"""PURE. Every sentence of `signwatch contract explain`, English beside Spanish. Names in braces are filled in.

A key that ends in `_one` is the singular of the one in `_many`.
"""

from __future__ import annotations

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    # headings
    "head_measured": ("What is measured", "Qué se mide"),
    "head_promised": ("What is promised", "Qué se promete"),
    "head_discount": ("When a discount is due, and how much", "Cuándo corresponde un descuento y de cuánto"),
    "head_hours": ("How much downtime that takes", "Cuánto tiempo de caída hace falta"),
    "head_scale": ("For a sense of scale", "Para hacerse una idea"),
    "head_claims": ("How to claim", "Cómo se reclama"),
    "head_support": ("Support hours", "Horarios de soporte"),
    "head_incidents": ("Failures and their clocks", "Fallos y plazos"),
    "head_periods": ("Other periods", "Otros plazos"),
    "head_equipment": ("What counts and what does not", "Qué cuenta y qué no"),
    "head_conditions": ("Conditions", "Condiciones"),
    "head_closing": ("When a month is closed", "Cuándo se cierra un mes"),
    "head_readings": ("How open points are read", "Cómo se interpretan los puntos abiertos"),
    "head_unsaid": ("What the agreement does not say", "Qué no dice el acuerdo"),
    # what is measured
    "provider": ("Provider: {name}.", "Proveedor: {name}."),
    "zone": (
        "Months begin and end at midnight in {zone}.",
        "Los meses empiezan y acaban a medianoche en {zone}.",
    ),
    "formula_both": (
        "Availability = 1 − {platform} × platform downtime ÷ T − {players} × sum of the players' downtime ÷ {base}.",
        (
            "Disponibilidad = 1 − {platform} × caída de la plataforma ÷ T "
            "− {players} × suma de las caídas de los players ÷ {base}."
        ),
    ),
    "formula_platform": (
        "Availability = 1 − platform downtime ÷ T. The players do not count.",
        "Disponibilidad = 1 − caída de la plataforma ÷ T. Los players no cuentan.",
    ),
    "formula_players": (
        "Availability = 1 − sum of the players' downtime ÷ {base}. The platform does not count.",
        "Disponibilidad = 1 − suma de las caídas de los players ÷ {base}. La plataforma no cuenta.",
    ),
    "base_total": ("(N × T)", "(N × T)"),
    "base_emission": ("the players' emission time", "el tiempo de emisión de los players"),
    "month_calendar": (
        "T is the real length of the month.",
        "T es la duración real del mes.",
    ),
    "month_fixed": (
        "T is always 31 days, whatever the length of the month.",
        "T son siempre 31 días, dure lo que dure el mes.",
    ),
    "players_total": (
        "Every player is measured against the whole of T, even if it emits for a few hours a day only.",
        "Cada player se mide sobre todo T, aunque solo emita unas horas al día.",
    ),
    "players_emission": (
        "Every player is measured against its own emission hours.",
        "Cada player se mide sobre su propio horario de emisión.",
    ),
    "members_at_calculation": (
        (
            "N is the number of players active at the time of calculation; one removed before then takes its downtime "
            "along."
        ),
        (
            "N es el número de players activos en el momento del cálculo; uno que se dé de baja antes se lleva consigo "
            "sus caídas."
        ),
    ),
    "members_time_weighted": (
        "Every player counts for as long as it was active in the month.",
        "Cada player cuenta por el tiempo que estuvo activo en el mes.",
    ),
    "unknown_excluded": (
        "Time about which nothing is known is not downtime; the known share is always shown beside the figure.",
        "El tiempo del que nada se sabe no es caída; junto a la cifra se muestra siempre la parte conocida.",
    ),
    "unknown_down": (
        "Time about which nothing is known counts as downtime.",
        "El tiempo del que nada se sabe cuenta como caída.",
    ),
    "coverage": (
        "A month of which less than {share} is known is not assessed.",
        "Un mes del que se conoce menos del {share} no se evalúa.",
    ),
    "causes": (
        "Downtime does not count when its cause is: {causes}.",
        "La caída no cuenta si su causa es: {causes}.",
    ),
    "causes_none": ("Downtime counts whatever its cause.", "La caída cuenta sea cual sea su causa."),
    "windows": (
        "Nor does downtime in these windows: {kinds}.",
        "Tampoco cuenta la caída durante estas ventanas: {kinds}.",
    ),
    "windows_only": (
        "Downtime in these windows does not count: {kinds}.",
        "La caída durante estas ventanas no cuenta: {kinds}.",
    ),
    "windows_none": (
        "No maintenance window is left out.",
        "No se excluye ninguna ventana de mantenimiento.",
    ),
    "notice_before": (
        "A planned window must be announced before it starts.",
        "Una ventana planificada debe anunciarse antes de que empiece.",
    ),
    "notice_least": (
        "A planned window must be announced at least {time} before it starts.",
        "Una ventana planificada debe anunciarse al menos {time} antes de que empiece.",
    ),
    "round_floor": (
        "The percentage is cut to {decimals}, never rounded up.",
        "El porcentaje se trunca a {decimals}; nunca se redondea al alza.",
    ),
    "round_half_up": (
        "The percentage is rounded to {decimals}, halves up.",
        "El porcentaje se redondea a {decimals}, con las mitades al alza.",
    ),
    "decimals_one": ("{n} decimal", "{n} decimal"),
    "decimals_many": ("{n} decimals", "{n} decimales"),
    # what is promised
    "no_guarantee": (
        "Nothing: the service is expressly outside any guarantee. Its figure is shown, and never owed.",
        "Nada: el servicio queda expresamente fuera de toda garantía. Su cifra se muestra, pero no se debe.",
    ),
    "no_level": (
        "No level of availability is promised, so no discount is ever due. The figure is shown all the same.",
        (
            "No se promete ningún nivel de disponibilidad, así que nunca corresponde un descuento. La cifra se muestra "
            "igualmente."
        ),
    ),
    "objective": (
        "The aim is {level}; missing it has no consequence.",
        "El objetivo es del {level}; no alcanzarlo no tiene consecuencias.",
    ),
    "committed": ("The committed level is {level}.", "El nivel comprometido es del {level}."),
    "window": (
        "A discount is due only if the months of a period of {months} in a row, taken together, fall under it.",
        "Solo corresponde un descuento si un periodo de {months} seguidos, en conjunto, queda por debajo.",
    ),
    "termination": (
        "If any {months} in a row, taken together, fall under {level}, the customer may leave.",
        "Si {months} cualesquiera seguidos, en conjunto, quedan por debajo del {level}, el cliente puede rescindir.",
    ),
    "termination_month": (
        "If any single month falls under {level}, the customer may leave.",
        "Si un mes cualquiera queda por debajo del {level}, el cliente puede rescindir.",
    ),
    "months_one": ("{n} month", "{n} mes"),
    "months_many": ("{n} months", "{n} meses"),
    "life": ("The contract's life: {life}.", "Vigencia del contrato: {life}."),
    "life_from": ("from {first}", "desde {first}"),
    "life_until": ("until {last}", "hasta {last}"),
    "life_both": ("{first} to {last}", "de {first} a {last}"),
    # when a discount is due
    "eligible_player": (
        (
            "A player is affected if it was down for more than {share} of its counted time: from {short} in a 30-day "
            "month and from {long} in a 31-day month, for a player that emits around the clock."
        ),
        (
            "Un player está afectado si estuvo caído más del {share} de su tiempo contado: a partir de {short} en un "
            "mes de 30 días y de {long} en uno de 31, para un player que emite las 24 horas."
        ),
    ),
    "eligible_fleet": (
        "More than {share} of the players must be affected: of {players}, at least {least}.",
        "Debe estar afectado más del {share} de los players: de {players}, al menos {least}.",
    ),
    "eligible_never": (
        "More than {share} of the players must be affected, which cannot happen.",
        "Debe estar afectado más del {share} de los players, lo que no puede ocurrir.",
    ),
    "every_month": (
        "There is no further condition: every month under the level counts.",
        "No hay más condiciones: cuenta todo mes por debajo del nivel.",
    ),
    "credit_of": ("The percentage is taken of {what}.", "El porcentaje se aplica a {what}."),
    "credit_monthly_fee": ("the monthly fee", "la cuota mensual"),
    "credit_affected_sites_fee": (
        "the month's fees of the services and sites that were affected",
        "las tarifas del mes de los servicios y centros afectados",
    ),
    "credit_affected_players_fee": (
        "the month's fees of the players that were affected",
        "las tarifas del mes de los players afectados",
    ),
    "credit_next_invoice": ("It comes off the next invoice.", "Se deduce de la siguiente factura."),
    "credit_future_fees": (
        "It comes off future fees that have not been invoiced yet.",
        "Se deduce de tarifas futuras aún no facturadas.",
    ),
    "credit_sole": (
        "Nothing else may be asked for because of an outage.",
        "No puede pedirse nada más por una indisponibilidad.",
    ),
    # numbers
    "hours_note": (
        "The accountable downtime from which each figure is reached; one millisecond less does not reach it.",
        "Caída computable a partir de la cual se alcanza cada cifra; con un milisegundo menos no se alcanza.",
    ),
    "hours_days": (
        "The days have 24 hours: in a month in which the clocks change, allow for the difference.",
        "Los días son de 24 horas: en un mes con cambio de hora, téngase en cuenta la diferencia.",
    ),
    "hours_players": (
        "The players are active all month and emit around the clock.",
        "Los players están activos todo el mes y emiten las 24 horas.",
    ),
    "hours_month": ("A month of {days} days", "Mes de {days} días"),
    "hours_both": ("A month of 30 or of 31 days", "Mes de 30 o de 31 días"),
    "column_figure": ("Figure", "Cifra"),
    "column_discount": ("Discount", "Descuento"),
    "column_platform": ("Platform alone", "Solo la plataforma"),
    "column_sum": ("{players}, summed", "{players}, en total"),
    "column_each": ("Each of them", "Cada uno"),
    "players_one": ("{n} player", "{n} player"),
    "players_many": ("{n} players", "{n} players"),
    "row_under": ("under {level}", "por debajo del {level}"),
    "row_or_less": ("{level} or less", "{level} o menos"),
    "row_hole": ("{span}, no band", "{span}, sin tramo"),
    "row_end": ("{span}, off the table", "{span}, fuera de la tabla"),
    "impossible": ("not possible", "imposible"),
    "no_amount": ("not said", "no consta"),
    "hours_termination": (
        "For the right to leave, {months} of {days} days take: {parts}.",
        "Para el derecho a rescindir, {months} de {days} días requieren: {parts}.",
    ),
    "days_both": ("30 or 31", "30 o 31"),
    "part_platform": ("{time} of the platform alone", "{time} de la plataforma sola"),
    "part_players": ("{time} of the players in all", "{time} de los players en total"),
    "part_never": ("more than there is", "más de lo que hay"),
    "or": (", or ", " o "),
    "one_hour_platform": (
        "For comparison: one hour of the platform alone leaves a 30-day month at {figure}.",
        "A modo de comparación: una hora de la plataforma sola deja un mes de 30 días en el {figure}.",
    ),
    "one_hour_players": (
        "For comparison: one hour of all the players leaves a 30-day month at {figure}.",
        "A modo de comparación: una hora de todos los players deja un mes de 30 días en el {figure}.",
    ),
    # claims
    "claim_by": ("A discount must be claimed {deadline}.", "El descuento debe reclamarse {deadline}."),
    "report_by": ("Each incident must be reported {deadline}.", "Cada incidencia debe notificarse {deadline}."),
    "after_incident_start": (
        "within {time} of the start of the incident",
        "en un plazo de {time} desde el inicio de la incidencia",
    ),
    "after_incident_end": (
        "within {time} of the end of the incident",
        "en un plazo de {time} desde el final de la incidencia",
    ),
    "after_month_end": (
        "within {time} of the end of the month",
        "en un plazo de {time} desde el final del mes",
    ),
    "claim_to": ("Write to {address}.", "Debe escribirse a {address}."),
    "claim_subject": ("Subject line: “{subject}”.", "Asunto: «{subject}»."),
    "project_blank": ("[project]", "[proyecto]"),
    "claim_names": ("The claim must name {items}.", "La reclamación debe indicar {items}."),
    "item_dates": ("the dates", "las fechas"),
    "item_times": ("the times", "las horas"),
    "item_players": ("the players affected", "los players afectados"),
    "item_sites": ("the sites affected", "los centros afectados"),
    "item_services": ("the services affected", "los servicios afectados"),
    "item_project": ("the project", "el proyecto"),
    "decided_provider": (
        "In a dispute, the provider decides.",
        "En caso de desacuerdo, decide el proveedor.",
    ),
    "decided_customer": (
        "In a dispute, the customer decides.",
        "En caso de desacuerdo, decide el cliente.",
    ),
    # support
    "tier_default": (
        "Without a choice of tier, {tier} holds.",
        "Si no se elige modalidad, rige {tier}.",
    ),
    "tier_chosen": ("This customer has {tier}.", "Este cliente tiene {tier}."),
    "desk_all": ("{desk}: {hours}.", "{desk}: {hours}."),
    "desk_tier": ("{desk}, {tier}: {hours}.", "{desk}, {tier}: {hours}."),
    "desk_none": ("{desk}: not for {tiers}.", "{desk}: no disponible para {tiers}."),
    "always": ("at all hours of every day", "a todas horas, todos los días"),
    "never": ("never open", "siempre cerrado"),
    "in_zone": ("{hours}, {zone} time", "{hours}, hora de {zone}"),
    "but_holidays": ("{hours}, except {holidays}", "{hours}, salvo {holidays}"),
    "holidays_of_region": ("public holidays ({region})", "festivos ({region})"),
    "holidays_of_provider": ("the provider's public holidays", "los festivos del proveedor"),
    "holidays_of_customer": ("the customer's public holidays", "los festivos del cliente"),
    "zone_of_provider": ("{hours}, the provider's time (here {zone})", "{hours}, hora del proveedor (aquí {zone})"),
    "zone_of_customer": ("{hours}, the customer's time (here {zone})", "{hours}, hora del cliente (aquí {zone})"),
    "rule_span": ("from {first} to {last}, {hours}", "del {first} al {last}, {hours}"),
    "rule_dates": ("on {dates}, {hours}", "los días {dates}, {hours}"),
    "rule_other": ("otherwise, {hours}", "el resto del año, {hours}"),
    "closed_dates": ("{hours}, closed on {dates}", "{hours}, cerrado los días {dates}"),
    "open_dates": ("{hours}, with hours of their own on {dates}", "{hours}, con horario propio los días {dates}"),
    "day_hours": ("{days} {hours}", "{days}, {hours}"),
    "day_whole": ("{days}, all day", "{days}, todo el día"),
    "day_closed": ("{days}, closed", "{days}, cerrado"),
    "hours_range": ("{start}–{end}", "de {start} a {end}"),
    "day_range": ("{first} to {last}", "de {first} a {last}"),
    "every_day": ("every day", "todos los días"),
    "month_day": ("{day} {month}", "{day} de {month}"),
    # incidents
    "starts_notice": (
        "Clocks start with the customer's notice.",
        "Los plazos empiezan con la notificación del cliente.",
    ),
    "starts_ticket": (
        "Clocks start when the ticket is opened.",
        "Los plazos empiezan al abrirse el ticket.",
    ),
    "starts_incident": (
        "Clocks start with the incident itself.",
        "Los plazos empiezan con la propia incidencia.",
    ),
    "classified_provider": (
        "The provider says how grave a failure is.",
        "El proveedor determina la gravedad de cada fallo.",
    ),
    "classified_customer": (
        "The customer says how grave a failure is.",
        "El cliente determina la gravedad de cada fallo.",
    ),
    "pauses": ("Clocks stand still {reasons}.", "Los plazos se detienen {reasons}."),
    "pause_third_party": ("while a third party has to act", "mientras deba actuar un tercero"),
    "pause_running_task": ("while a task is running", "mientras se ejecuta una tarea"),
    "pause_missing_access": (
        "while full administrator access is missing",
        "mientras falte acceso total de administrador",
    ),
    "pause_outside_control": (
        "while anything else outside the provider's control is awaited",
        "mientras se espere cualquier otra actividad ajena al proveedor",
    ),
    "severity": ("{name}: {meaning}.", "{name}: {meaning}."),
    "severity_plain": ("{name}.", "{name}."),
    "share_over": (
        "more than {share} of the players are affected (of {players}, at least {least})",
        "afecta a más del {share} de los players (de {players}, al menos {least})",
    ),
    "share_from": (
        "at least {share} of the players are affected (of {players}, at least {least})",
        "afecta como mínimo al {share} de los players (de {players}, al menos {least})",
    ),
    "target_response": ("answered within {time}", "respuesta en {time}"),
    "target_resolution": ("resolved within {time}", "resolución en {time}"),
    "unsaid_response": ("answered: no number is given", "respuesta: no consta ninguna cifra"),
    "unsaid_resolution": ("resolved: no number is given", "resolución: no consta ninguna cifra"),
    "bound_guaranteed": ("{target}, guaranteed", "{target}, garantizada"),
    "bound_best_effort": ("{target}, with reasonable efforts", "{target}, con esfuerzos razonables"),
    "clock_always": ("{target} (around the clock)", "{target} (cuentan las 24 horas del día)"),
    "clock_desk": ("{target} (clock: {hours})", "{target} (plazo según: {hours})"),
    "right": (
        "{name}, not resolved after {time}: {gives}.",
        "{name}, sin resolver al cabo de {time}: {gives}.",
    ),
    "clock_hours": ("Clock: {hours}.", "Plazo según: {hours}."),
    "gives_terminate": ("the customer may leave", "el cliente puede rescindir el contrato"),
    "gives_fee": (
        "the customer is owed {percent} of the month's fee",
        "se abona al cliente el {percent} de la cuota del mes",
    ),
    # periods, equipment, closing
    "period_deadline": ("{what} within {time}.", "{what} en un plazo de {time}."),
    "period_notice": ("{what} at least {time} ahead.", "{what} con al menos {time} de antelación."),
    "period_unsaid": ("{what}: no number is given.", "{what}: no consta ningún plazo."),
    "counts": ("Counts ({owner}): {what}.", "Cuenta ({owner}): {what}."),
    "counts_not": ("Does not count ({owner}): {what}.", "No cuenta ({owner}): {what}."),
    "owner_provider": ("the provider's", "del proveedor"),
    "owner_customer": ("the customer's", "del cliente"),
    "owner_third_party": ("a third party's", "de terceros"),
    "closing": (
        "A month stays provisional for {time} after its end, because evidence may still arrive.",
        "Un mes sigue siendo provisional durante {time} tras su final, porque aún pueden llegar pruebas.",
    ),
    # readings and what is not said
    "reading_hole": (
        (
            "{span}: no band holds it. Such a month is given {percent}; another reading would give {others}. "
            "The reading here favours the {side}."
        ),
        (
            "{span}: ningún tramo lo contiene. A ese mes se le aplica {percent}; otra lectura daría {others}. "
            "La lectura de aquí favorece al {side}."
        ),
    ),
    "reading_end": (
        (
            "{span}: the table has ended. Such a month is given {percent}; another reading would give {others}. "
            "The reading here favours the {side}."
        ),
        (
            "{span}: la tabla ya ha acabado. A ese mes se le aplica {percent}; otra lectura daría {others}. "
            "La lectura de aquí favorece al {side}."
        ),
    ),
    "amount": ("{percent}", "el {percent}"),
    "span_figures": ("{first} to {last}", "{first} a {last}"),
    "side_provider": ("provider", "proveedor"),
    "side_customer": ("customer", "cliente"),
    "or_last": ("or", "o"),
    "and_last": ("and", "y"),
    "unsaid_level": ("A level of availability.", "Un nivel de disponibilidad."),
    "unsaid_table": (
        "How much a missed level is worth: there is no table of discounts, so none is worked out.",
        "Cuánto vale incumplir el nivel: no hay tabla de descuentos, así que no se calcula ninguno.",
    ),
    "unsaid_credit": ("What a discount is taken of.", "A qué se aplica un descuento."),
    "unsaid_claims": ("How, and by when, to claim.", "Cómo y en qué plazo reclamar."),
    "unsaid_claim_by": ("By when to claim.", "En qué plazo reclamar."),
    "unsaid_names": ("What a claim must contain.", "Qué debe contener una reclamación."),
    "unsaid_targets": (
        "The times for: {names}.",
        "Los tiempos para: {names}.",
    ),
    "unsaid_severities": ("Classes of failure and their times.", "Clases de fallo y sus tiempos."),
    "unsaid_deadline": ("How soon: “{what}”.", "En cuánto tiempo: «{what}»."),
    "unsaid_notice": ("How long ahead: “{what}”.", "Con cuánta antelación: «{what}»."),
    "unsaid_place_timezone": (
        "The {side}'s time zone, by which hours are counted: here it is taken to be {zone}.",
        "La zona horaria del {side}, por la que se cuentan horas: aquí se toma {zone}.",
    ),
    "unsaid_place_holidays": (
        "The {side}'s public holidays: until they are named, hours run on them too.",
        "Los festivos del {side}: mientras no se indiquen, los horarios corren también esos días.",
    ),
    # units
    "unit_minutes_one": ("{n} minute", "{n} minuto"),
    "unit_minutes_many": ("{n} minutes", "{n} minutos"),
    "unit_hours_one": ("{n} hour", "{n} hora"),
    "unit_hours_many": ("{n} hours", "{n} horas"),
    "unit_days_one": ("{n} day", "{n} día"),
    "unit_days_many": ("{n} days", "{n} días"),
    "unit_business days_one": ("{n} working day", "{n} día hábil"),
    "unit_business days_many": ("{n} working days", "{n} días hábiles"),
    # causes and windows
    "cause_player_software": ("playback software", "software de reproducción"),
    "cause_hardware": ("hardware", "hardware"),
    "cause_power": ("power", "corriente eléctrica"),
    "cause_display": ("display", "pantalla"),
    "cause_connectivity": ("connectivity", "conectividad"),
    "cause_content": ("content", "contenido"),
    "cause_schedule": ("emission schedule", "programación de la emisión"),
    "cause_third_party_software": ("third-party software", "software de terceros"),
    "cause_customer": ("the customer's own doing", "actuación del cliente"),
    "cause_platform": ("platform", "plataforma"),
    "cause_software_error": ("software error", "error de software"),
    "cause_attack": ("attack", "ataque"),
    "cause_dns": ("DNS", "DNS"),
    "cause_cloud_provider": ("cloud provider", "proveedor de la nube"),
    "cause_force_majeure": ("force majeure", "fuerza mayor"),
    "cause_unknown": ("unknown", "desconocida"),
    "window_planned": ("planned maintenance", "mantenimiento planificado"),
    "window_emergency": ("emergency maintenance", "mantenimiento de urgencia"),
}

DAYS: Final = (
    ("Monday", "lunes"),
    ("Tuesday", "martes"),
    ("Wednesday", "miércoles"),
    ("Thursday", "jueves"),
    ("Friday", "viernes"),
    ("Saturday", "sábado"),
    ("Sunday", "domingo"),
)
MONTHS: Final = (
    ("January", "enero"),
    ("February", "febrero"),
    ("March", "marzo"),
    ("April", "abril"),
    ("May", "mayo"),
    ("June", "junio"),
    ("July", "julio"),
    ("August", "agosto"),
    ("September", "septiembre"),
    ("October", "octubre"),
    ("November", "noviembre"),
    ("December", "diciembre"),
)
