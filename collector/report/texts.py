"""PURE. Every sentence of a report, English beside Spanish. Names in braces are filled in.

A key that ends in `_one` is the singular of the one in `_many`. Causes, months and kinds of windows are said with the
words of `signwatch contract explain`.
"""

from __future__ import annotations

from typing import Final

_HEAD: Final[dict[str, tuple[str, str]]] = {
    "title": ("Availability report", "Informe de disponibilidad"),
    "agreement": ("Agreement", "Acuerdo"),
    "customer": ("Customer", "Cliente"),
    "provider": ("Provider", "Proveedor"),
    "period": ("Period", "Periodo"),
    "period_times": ("{start} to {end}", "del {start} al {end}"),
    "computed": ("Computed", "Calculado"),
    "provisional": ("PROVISIONAL", "PROVISIONAL"),
    "provisional_in_progress": (
        "The month is still running: the figure counts the time until {when}, and no discount can be told yet.",
        "El mes sigue en curso: la cifra cuenta el tiempo hasta el {when} y aún no puede fijarse ningún descuento.",
    ),
    "provisional_settling": (
        (
            "The month is over, but evidence from players that were offline may still arrive until {when}. "
            "Until then figures and discount may change."
        ),
        (
            "El mes ha terminado, pero hasta el {when} aún pueden llegar pruebas de players que estaban sin conexión. "
            "Hasta entonces, las cifras y el descuento pueden cambiar."
        ),
    ),
    "not_closed": (
        "Not closed yet: this is computed from the ledger as it is now.",
        "Aún sin cerrar: calculado a partir del registro tal como está ahora.",
    ),
    "final": ("FINAL", "DEFINITIVO"),
    "final_told": (
        "Revision 1, closed on {at}: {why}.",
        "Revisión 1, cerrada el {at}: {why}.",
    ),
    "revised": ("REVISED", "REVISADO"),
    "revised_told": (
        "Revision {n} of {at}: {why}. The month was first closed on {first}; every revision stays readable.",
        "Revisión {n} del {at}: {why}. El mes se cerró por primera vez el {first}; toda revisión sigue disponible.",
    ),
    "replaced_told": (
        "This revision has been replaced since: the latest is revision {latest}.",
        "Esta revisión ha sido sustituida: la última es la revisión {latest}.",
    ),
    "revised_what": ("What changed since revision {n}", "Qué cambió desde la revisión {n}"),
    "seal": ("Seal", "Sello"),
    "availability": ("Availability", "Disponibilidad"),
    "availability_to_date": ("Availability to date", "Disponibilidad hasta la fecha"),
    "no_figure": ("no figure", "sin cifra"),
    "committed": ("Committed level", "Nivel comprometido"),
    "objective": ("Objective", "Objetivo"),
    "reached": ("reached", "alcanzado"),
    "not_reached": ("not reached", "no alcanzado"),
    "no_level": ("no level is promised", "no se promete ningún nivel"),
    "not_assessable": ("not assessable", "no evaluable"),
    "discount": ("Discount", "Descuento"),
    "discount_open": ("open", "pendiente"),
    "of_what": ("of {what}", "de {what}"),
    "coverage": ("Coverage", "Cobertura"),
    "coverage_note": ("share of the counted time that is known", "parte conocida del tiempo contado"),
    "nothing_counted": ("nothing counted", "nada que contar"),
    "platform": ("Platform", "Plataforma"),
    "players": ("Players", "Players"),
    "players_one": ("{n} player", "{n} player"),
    "players_many": ("{n} players", "{n} players"),
}

_FIGURE: Final[dict[str, tuple[str, str]]] = {
    "head_figure": ("How the figure comes about", "Cómo se obtiene la cifra"),
    "formula_name": ("Availability", "Disponibilidad"),
    "term_platform": ("platform downtime", "caída de la plataforma"),
    "term_total": ("month", "mes"),
    "term_players": ("sum of the players' downtime", "suma de las caídas de los players"),
    "term_base_total": ("players × month", "players × mes"),
    "term_base_weighted": ("players' active time", "tiempo activo de los players"),
    "term_base_emission": ("players' emission time", "tiempo de emisión de los players"),
    "term_nothing": ("no players' time: this term is 0", "no hay tiempo de players: este término es 0"),
    "round_floor_one": ("cut to {n} decimal", "truncado a {n} decimal"),
    "round_floor_many": ("cut to {n} decimals", "truncado a {n} decimales"),
    "round_half_up_one": ("rounded to {n} decimal", "redondeado a {n} decimal"),
    "round_half_up_many": ("rounded to {n} decimals", "redondeado a {n} decimales"),
    "month_note": (
        "The month counts {total}; by the calendar, {counted} of it have been counted.",
        "El mes computa {total}; según el calendario, se han contado {counted}.",
    ),
    "unknown_note": (
        (
            "Of the counted time nothing is known for {players} of the players and {platform} of the platform. "
            "By the contract that is not downtime; it stays in the divisor, as if it had worked."
        ),
        (
            "Del tiempo contado nada se sabe durante {players} de los players y {platform} de la plataforma. "
            "Según el contrato no es caída: permanece en el divisor, como si hubiera funcionado."
        ),
    ),
    "unknown_down_note": (
        (
            "Of the counted time nothing is known for {players} of the players and {platform} of the platform. "
            "By the contract that counts as downtime."
        ),
        (
            "Del tiempo contado nada se sabe durante {players} de los players y {platform} de la plataforma. "
            "Según el contrato, cuenta como caída."
        ),
    ),
    "gone_note_one": (
        "{n} player was active in the month, but not to its end; the contract counts neither it nor its time.",
        "{n} player estuvo activo en el mes, pero no hasta el final; según el contrato, ni él ni su tiempo cuentan.",
    ),
    "gone_note_many": (
        "{n} players were active in the month, but not to its end; the contract counts neither them nor their time.",
        (
            "{n} players estuvieron activos en el mes, pero no hasta el final; según el contrato, ni ellos ni "
            "su tiempo cuentan."
        ),
    ),
    "estimated_note": (
        "{length} of the counted time rest on clocks that never had the true time (marked ≈ below).",
        "{length} del tiempo contado se basan en relojes que nunca tuvieron la hora real (marcado con ≈ más abajo).",
    ),
    "estimated_off_note": (
        (
            "These times may be off by at most {off} ({name}). How long each state lasted does not depend on it: only "
            "what lies so near to an edge of the month, of opening hours or of a window could be judged otherwise."
        ),
        (
            "Estas horas pueden desviarse como máximo {off} ({name}). La duración de cada estado no depende de ello: "
            "solo podría juzgarse de otro modo lo que queda así de cerca de un límite del mes, de un horario o de una "
            "ventana."
        ),
    ),
    "estimated_open_note": (
        "By how much these times may be off cannot be told of all. How long each state lasted does not depend on it.",
        (
            "No puede decirse de todas estas horas cuánto pueden desviarse. La duración de cada estado no depende de "
            "ello."
        ),
    ),
}

_CONDITIONS: Final[dict[str, tuple[str, str]]] = {
    "head_conditions": ("Is a discount due?", "¿Corresponde un descuento?"),
    "column_condition": ("Condition", "Condición"),
    "column_found": ("Found", "Resultado"),
    "column_met": ("Fulfilled", "Se cumple"),
    "yes": ("yes", "sí"),
    "no": ("no", "no"),
    "open": ("open", "pendiente"),
    "condition_level": (
        "The month is under the committed level of {level}",
        "El mes queda por debajo del nivel comprometido del {level}",
    ),
    "condition_coverage": ("At least {share} of the time is known", "Se conoce al menos el {share} del tiempo"),
    "found_coverage": ("players {players}, platform {platform}", "players {players}, plataforma {platform}"),
    "condition_players": (
        "More than {fleet} of the players were each down for more than {own} of their counted time",
        "Más del {fleet} de los players estuvieron caídos, cada uno, más del {own} de su tiempo contado",
    ),
    "found_players": ("{affected} of {players}, {share}", "{affected} de {players}, el {share}"),
    "found_no_players": ("no player counts", "ningún player cuenta"),
    "condition_window_one": ("A month is under that level", "Un mes queda por debajo de ese nivel"),
    "condition_window_many": (
        "{n} months in a row that hold this one are, taken together, under that level",
        "{n} meses seguidos que incluyen este quedan, en conjunto, por debajo de ese nivel",
    ),
    "found_window": ("{first} to {last}: {figure}", "{first} a {last}: {figure}"),
    "found_window_kept_one": ("the one such period is not", "el único periodo así no lo está"),
    "found_window_kept_many": ("none of the {n} such periods is", "ninguno de los {n} periodos así lo está"),
    "found_window_none": (
        "no such period lies in the contract's life",
        "ningún periodo así cabe en la vigencia del contrato",
    ),
    "found_window_open": ("not all its months are known yet", "aún no se conocen todos sus meses"),
    "band_literal": (
        "{figure} lies in the band {span}: {percent}.",
        "El {figure} está en el tramo {span}: {percent}.",
    ),
    "band_gap": (
        "{figure} lies in no band of the table; by the contract's reading the band {span} holds: {percent}.",
        (
            "El {figure} no está en ningún tramo de la tabla; según la lectura del contrato se aplica el tramo {span}: "
            "{percent}."
        ),
    ),
    "band_below": (
        "{figure} lies under the last band of the table; by the contract's reading the band {span} holds: {percent}.",
        (
            "El {figure} queda por debajo del último tramo de la tabla; según la lectura del contrato se aplica el "
            "tramo {span}: {percent}."
        ),
    ),
    "band_none": (
        "{figure} lies in no band of the table; by the contract's reading there is no discount for it.",
        "El {figure} no está en ningún tramo de la tabla; según la lectura del contrato no da derecho a descuento.",
    ),
    "reason_provisional": (
        "Whether a discount is due is decided when the month is over.",
        "Si corresponde un descuento se decidirá cuando termine el mes.",
    ),
    "reason_coverage": (
        "Too little is known of the month to assess it, so no discount can be told.",
        "Se sabe demasiado poco del mes para evaluarlo, así que no puede fijarse ningún descuento.",
    ),
    "reason_no_level": (
        "The contract promises no level, so no discount is due.",
        "El contrato no promete ningún nivel, así que no corresponde descuento.",
    ),
    "reason_met": (
        "The committed level was reached, so no discount is due.",
        "Se ha alcanzado el nivel comprometido, así que no corresponde descuento.",
    ),
    "reason_no_table": (
        "The contract has no table of discounts, so none can be told.",
        "El contrato no tiene tabla de descuentos, así que no puede fijarse ninguno.",
    ),
    "reason_no_band": ("No discount is due.", "No corresponde descuento."),
    "reason_players": (
        "No discount is due: too few players were affected.",
        "No corresponde descuento: hubo demasiado pocos players afectados.",
    ),
    "reason_window": (
        "No discount is due: no period of that length that holds this month is under the level.",
        "No corresponde descuento: ningún periodo de esa duración que incluya este mes queda por debajo del nivel.",
    ),
    "reason_window_open": (
        "A discount of {percent} hangs on months that are not known yet.",
        "Un descuento del {percent} depende de meses que aún no se conocen.",
    ),
    "reason_due": ("A discount of {percent} is due.", "Corresponde un descuento del {percent}."),
    "head_termination": ("Right to leave", "Derecho a rescindir"),
    "termination_yes": (
        "The customer may leave: {first} to {last}, taken together, came to {figure}, under {level}.",
        "El cliente puede rescindir: de {first} a {last}, en conjunto, se alcanzó el {figure}, por debajo del {level}.",
    ),
    "termination_no_one": (
        "None: the one period of {months} that is known is not under {level}.",
        "No lo hay: el único periodo de {months} que se conoce no queda por debajo del {level}.",
    ),
    "termination_no_many": (
        "None: of the {n} periods of {months} that are known, none is under {level}.",
        "No lo hay: de los {n} periodos de {months} que se conocen, ninguno queda por debajo del {level}.",
    ),
    "termination_unknown": (
        "Open: no period of {months} is known yet.",
        "Pendiente: aún no se conoce ningún periodo de {months}.",
    ),
    "months_one": ("{n} month", "{n} mes"),
    "months_many": ("{n} months", "{n} meses"),
    "head_months": ("The months around it", "Los meses de alrededor"),
    "silent_note": (
        "Nothing is known of {months}: periods that hold such a month are left open.",
        "De {months} nada se sabe: los periodos que los incluyen quedan pendientes.",
    ),
    "silent_early": (
        (
            "Watching began in {month}: until earlier evidence arrives, or the contract is set to begin then "
            "([life] from = “{first}”), those periods are never decided."
        ),
        (
            "Se observa desde {month}: mientras no lleguen pruebas anteriores ni se fije ahí el inicio del contrato "
            "([life] from = «{first}»), esos periodos no se decidirán nunca."
        ),
    ),
    "months_range": ("{first} to {last}", "{first} a {last}"),
}

_STORY: Final[dict[str, tuple[str, str]]] = {
    "head_days": ("Day by day", "Día a día"),
    "days_note": (
        "Accountable downtime of each day, players added up.",
        "Caída computable de cada día, sumando los players.",
    ),
    "days_scale": ("highest column: {length}", "columna más alta: {length}"),
    "days_none": ("No accountable downtime on any day.", "Ningún día con caída computable."),
    "head_platform": ("The platform", "La plataforma"),
    "head_incidents": ("Incidents that count", "Incidencias que computan"),
    "incidents_note": (
        (
            "Accountable downtime: it lowers the figure. Outages that began and ended together, each within a minute, "
            "are one incident; its downtime is the sum over its players."
        ),
        (
            "Caída computable: reduce la cifra. Las caídas que empezaron y acabaron a la vez, con un minuto de margen, "
            "son una sola incidencia; su duración es la suma de sus players."
        ),
    ),
    "established_votes": (
        "Established by the votes of vantage points: {down} of {votes} that could tell said down, {needed} needed.",
        (
            "Constatado por los votos de los puntos de observación: {down} de {votes} que podían comprobarlo lo "
            "dieron por caído; hacían falta {needed}."
        ),
    ),
    "established_alone": (
        "Established by the collector's own check.",
        "Constatado por la comprobación propia del sistema de medición.",
    ),
    "incidents_none": ("None in this month.", "Ninguna en este mes."),
    "incidents_more": (
        (
            "Not shown: {n} more incidents, {length} in all, each shorter than those above. The JSON rendering of this "
            "report lists every one."
        ),
        (
            "No se muestran otras {n} incidencias, {length} en total, cada una más corta que las anteriores. La "
            "versión JSON de este informe las detalla todas."
        ),
    ),
    "head_left_out": ("What was left out, and why", "Qué se ha excluido y por qué"),
    "left_out_note": (
        "Downtime that the contract does not count. It stays in the divisor of the formula.",
        "Caída que el contrato no computa. Permanece en el divisor de la fórmula.",
    ),
    "left_out_none": ("Nothing was left out.", "No se ha excluido nada."),
    "head_causes": ("Causes that the contract leaves out", "Causas que el contrato excluye"),
    "head_windows": ("Announced windows", "Ventanas anunciadas"),
    "head_rulings": ("Rulings", "Resoluciones"),
    "rulings_note": (
        "What people decided afterwards on the state or the cause of an interval. The evidence itself never changes.",
        "Lo que se decidió después sobre el estado o la causa de un intervalo. Las pruebas nunca se modifican.",
    ),
    "head_details": ("Intervals left out", "Intervalos excluidos"),
    "column_number": ("No.", "N.º"),
    "column_start": ("Start", "Inicio"),
    "column_end": ("End", "Fin"),
    "column_length": ("Downtime", "Caída"),
    "column_who": ("Who", "Quién"),
    "column_cause": ("Cause", "Causa"),
    "column_what": ("What", "Qué"),
    "column_platform_down": ("Platform down", "Plataforma caída"),
    "column_players_down": ("Players down", "Players caídos"),
    "part_facts": ("down {down} · known {known}", "caída {down} · conocido {known}"),
    "column_why": ("Why", "Por qué"),
    "column_announced": ("Announced", "Anunciada"),
    "column_effect": ("Effect", "Efecto"),
    "column_decided": ("Decided", "Decidida"),
    "column_ruling": ("Ruling", "Resolución"),
    "column_subjects": ("Concerned", "Implicados"),
    "by": ("{when} by {who}", "{when}, por {who}"),
    "and_more": ("and {n} more", "y {n} más"),
    "everyone": ("everything", "todo"),
    "every_player": ("every player", "todos los players"),
    "every_platform": ("the platform", "la plataforma"),
    "at_site": ("site {name}", "centro {name}"),
    "at_device": ("device {name}", "equipo {name}"),
    "window_other": ("other window", "otra ventana"),
    "window_ref": ("window {n}: {kind}", "ventana {n}: {kind}"),
    "applied": ("left out: {length}", "excluido: {length}"),
    "applied_nothing": ("applies; no downtime fell into it", "se aplica; no coincidió con ninguna caída"),
    "not_applied_cancelled": (
        "does not apply: cancelled {when} by {who} ({why})",
        "no se aplica: cancelada el {when} por {who} ({why})",
    ),
    "not_applied_kind": (
        "does not apply: the contract does not leave out windows of this kind",
        "no se aplica: el contrato no excluye las ventanas de este tipo",
    ),
    "not_applied_late": (
        "does not apply: it was not announced before it began",
        "no se aplica: no se anunció antes de empezar",
    ),
    "not_applied_notice": (
        "does not apply: announced less than {notice} ahead",
        "no se aplica: anunciada con menos de {notice} de antelación",
    ),
    "ruled_state": ("state: {state}", "estado: {state}"),
    "ruled_cause": ("cause: {cause}", "causa: {cause}"),
    "by_ruling": ("ruling {n}", "resolución {n}"),
    "estimated_mark": ("≈ estimated clock", "≈ reloj estimado"),
}

_PLAYERS: Final[dict[str, tuple[str, str]]] = {
    "head_players": ("Every player", "Todos los players"),
    "players_note": (
        "The most downtime first. An affected player (●) was down for more than {own} of its counted time.",
        "Primero, los de más caída. Un player afectado (●) estuvo caído más del {own} de su tiempo contado.",
    ),
    "players_plain_note": ("The most downtime first.", "Primero, los de más caída."),
    "no_players": ("No player is judged by this contract.", "Ningún player se mide con este contrato."),
    "column_player": ("Player", "Player"),
    "column_timeline": ("Month", "Mes"),
    "column_counted": ("Counted", "Contado"),
    "column_known": ("Known", "Conocido"),
    "column_down": ("Down", "Caído"),
    "column_accountable": ("Accountable", "Computable"),
    "column_share": ("Share", "Parte"),
    "affected": ("affected", "afectado"),
    "not_counted": ("not counted", "no cuenta"),
    "sum": (
        "Those that count, added up: counted {counted}, down {down}, of that accountable {accountable}.",
        "Los que cuentan, sumados: contado {counted}, caído {down}; de ello, computable {accountable}.",
    ),
    "legend_up": ("working", "en funcionamiento"),
    "legend_down": ("down, accountable", "caído, computable"),
    "legend_left": ("down, left out", "caído, excluido"),
    "legend_unknown": ("nothing known", "sin datos"),
    "legend_off": ("not counted (outside emission or not active)", "no cuenta (fuera de emisión o no activo)"),
    "legend_width": (
        "Times shorter than {length} are drawn as long as that.",
        "Los tiempos de menos de {length} se dibujan con esa duración.",
    ),
    "head_terms": ("How open points of the agreement are read", "Cómo se interpretan los puntos abiertos del acuerdo"),
    "foot_times": (
        "All times are local to {zone}. Lengths are shown to the second and computed to the millisecond.",
        "Todas las horas son locales de {zone}. Las duraciones se muestran en segundos y se calculan en milisegundos.",
    ),
    "foot_made": (
        "Made by signwatch {version} from the evidence in its ledger.",
        "Elaborado por signwatch {version} a partir de las pruebas de su registro.",
    ),
}

_STATES: Final[dict[str, tuple[str, str]]] = {
    "state_playing": ("playing", "reproduciendo"),
    "state_stopped": ("stopped", "detenido"),
    "state_frozen": ("frozen", "congelado"),
    "state_black": ("black", "en negro"),
    "state_error": ("error", "error"),
    "state_idle": ("nothing to play", "sin contenido"),
    "state_off": ("off", "apagado"),
    "state_unknown": ("unknown", "desconocido"),
    "state_up": ("up", "en servicio"),
    "state_down": ("down", "fuera de servicio"),
}

TEXTS: Final[dict[str, tuple[str, str]]] = {
    **_HEAD,
    **_FIGURE,
    **_CONDITIONS,
    **_STORY,
    **_PLAYERS,
    **_STATES,
}
