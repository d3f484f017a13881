"""PURE. Every sentence of a claim's draft, English beside Spanish. Names in braces are filled in.

A key that ends in `_one` is the singular of the one in `_many`. What a report says too (decision, band, coverage) is
said with the report's words, and what the agreement asks for with those of `signwatch contract explain`.
"""

from __future__ import annotations

from typing import Final

_HEAD: Final[dict[str, tuple[str, str]]] = {
    "title": ("Draft of a claim", "Borrador de reclamación"),
    "title_provider": ("Draft of a credit note", "Borrador de nota de abono"),
    "as_of": ("As of {when} ({zone}).", "A fecha de {when} ({zone})."),
    "agreement": ("Agreement: {name}.", "Acuerdo: {name}."),
    "provider": ("Provider: {name}.", "Proveedor: {name}."),
    "customer": ("Customer: {name}.", "Cliente: {name}."),
    "head_short": ("In short", "En resumen"),
    "figure": (
        "Availability of {month}: {figure}; the committed level is {level}.",
        "Disponibilidad de {month}: {figure}; el nivel comprometido es del {level}.",
    ),
    "figure_no_level": ("Availability of {month}: {figure}.", "Disponibilidad de {month}: {figure}."),
    "no_figure": ("no figure yet", "aún sin cifra"),
    "nothing": (
        "By these figures there is nothing to claim, so no letter is drafted. What follows is for information.",
        "Con estas cifras no hay nada que reclamar, así que no se redacta ninguna carta. Lo que sigue es informativo.",
    ),
    "too_early": (
        "Nothing can be claimed yet, so no letter is drafted. The deadlines below run all the same.",
        "Aún no puede reclamarse nada, así que no se redacta ninguna carta. Los plazos de abajo corren igualmente.",
    ),
    "no_amount": (
        "The level was missed, but the agreement gives no table of discounts: the claim names no amount.",
        "No se alcanzó el nivel, pero el acuerdo no incluye tabla de descuentos: la reclamación no indica importe.",
    ),
    "credit": ("{percent} of {fee} is {amount}.", "El {percent} de {fee} son {amount}."),
    "credit_open": (
        "{percent} of {fee} would be {amount}, if the months that are still open decide so.",
        "El {percent} de {fee} serían {amount}, si así lo deciden los meses que aún están pendientes.",
    ),
    "rounded": (
        "Exactly {exact}; rounded half up to the smallest unit of {currency}, since the agreement names no rounding.",
        (
            "Exactamente {exact}; se redondea a la unidad mínima de {currency} (la mitad, al alza), pues el acuerdo no "
            "indica ningún redondeo."
        ),
    ),
    "fee_of": ("The fee given is taken to be {what}.", "Se entiende que el importe indicado es {what}."),
    "money": ("{amount} {currency}", "{amount} {currency}"),
}

_LETTER: Final[dict[str, tuple[str, str]]] = {
    "head_letter": ("The letter", "La carta"),
    "to": ("To: {address}", "Para: {address}"),
    "subject": ("Subject: {subject}", "Asunto: {subject}"),
    "subject_claim": (
        "Claim under “{agreement}”, {month}",
        "Reclamación según el acuerdo «{agreement}», {month}",
    ),
    "subject_provider": (
        "Availability of {month} under “{agreement}”",
        "Disponibilidad de {month} según el acuerdo «{agreement}»",
    ),
    "greeting": ("To whom it may concern,", "A quien corresponda:"),
    "body_customer": (
        (
            "By the evidence of our players, the availability under “{agreement}” was {figure} in {month}, below the "
            "committed level of {level}."
        ),
        (
            "Según los registros de nuestros players, la disponibilidad conforme al acuerdo «{agreement}» fue del "
            "{figure} en {month}, por debajo del nivel comprometido del {level}."
        ),
    ),
    "body_provider": (
        (
            "By the evidence of your players, the availability under “{agreement}” was {figure} in {month}, below the "
            "committed level of {level}."
        ),
        (
            "Según los registros de sus players, la disponibilidad conforme al acuerdo «{agreement}» fue del {figure} "
            "en {month}, por debajo del nivel comprometido del {level}."
        ),
    ),
    "ask_customer": (
        "We therefore ask for the discount of {percent}{of} that the agreement provides for.",
        "Por ello solicitamos el descuento del {percent}{of} que prevé el acuerdo.",
    ),
    "ask_provider": (
        "You are therefore entitled to the discount of {percent}{of} that the agreement provides for.",
        "Por ello le corresponde el descuento del {percent}{of} que prevé el acuerdo.",
    ),
    "ask_open_customer": (
        "We claim, as a precaution, the discount of {percent}{of}; whether it is due hangs on months still to come.",
        (
            "Reclamamos de forma cautelar el descuento del {percent}{of}; que corresponda depende de meses que aún no "
            "se conocen."
        ),
    ),
    "ask_open_provider": (
        "A discount of {percent}{of} may be due; that hangs on months which are not known yet.",
        "Podría corresponder un descuento del {percent}{of}; depende de meses que aún no se conocen.",
    ),
    "ask_table_customer": (
        "We ask for the discount that the agreement provides for, and for the table that fixes its amount.",
        "Solicitamos el descuento que el acuerdo prevé para ese caso, así como la tabla que fija su importe.",
    ),
    "ask_table_provider": (
        "The discount that the agreement provides for in that case is to be fixed by its table.",
        "El descuento que el acuerdo prevé para ese caso se fijará según su tabla.",
    ),
    "ask_of": (" of {what}", " de {what}"),
    "ask_amount": ("That is {amount}.", "Equivale a {amount}."),
    "project": ("Project: {project}.", "Proyecto: {project}."),
    "project_blank": ("[project]", "[proyecto]"),
    "address_blank": ("[address]", "[dirección]"),
    "listed": (
        "These incidents count (times local to {zone}):",
        "Las incidencias que computan son las siguientes (hora local de {zone}):",
    ),
    "listed_none": ("No incident counts in that month.", "En ese mes no computa ninguna incidencia."),
    "incident_line": (
        "{n}. {start} to {end}, {length} of downtime, cause: {cause}. {who}",
        "{n}. Del {start} al {end}, {length} de caída, causa: {cause}. {who}",
    ),
    "before": ("{start} or earlier", "{start} o antes"),
    "still": ("{end} or later", "{end} o más tarde"),
    "who_player_one": ("Player affected: {names}.", "Player afectado: {names}."),
    "who_player_many": ("Players affected ({n}): {names}.", "Players afectados ({n}): {names}."),
    "who_platform": ("Platform: {names}.", "Plataforma: {names}."),
    "sites": ("Sites: {names}.", "Centros: {names}."),
    "attached": (
        "The full report of the month, with the evidence of every player, is attached.",
        "Se adjunta el informe completo del mes, con las pruebas de cada player.",
    ),
    "closing": ("Kind regards,", "Un cordial saludo,"),
    "name_blank": ("[name]", "[nombre]"),
}

_DEADLINES: Final[dict[str, tuple[str, str]]] = {
    "head_deadlines": ("Rules and deadlines of a claim", "Reglas y plazos de la reclamación"),
    "rules_none": (
        "The agreement says nothing on how, or by when, to claim. No deadline is worked out.",
        "El acuerdo no dice cómo ni en qué plazo reclamar. No se calcula ningún plazo.",
    ),
    "month_open": (
        "The claim for the month must be made by {when}: still open.",
        "La reclamación del mes debe presentarse hasta el {when}: el plazo sigue abierto.",
    ),
    "month_past": (
        "The claim for the month had to be made by {when}: that is past.",
        "La reclamación del mes debía presentarse hasta el {when}: el plazo ha vencido.",
    ),
    "caption_deadlines": ("By incident", "Por incidencia"),
    "column_number": ("No.", "N.º"),
    "column_start": ("start", "inicio"),
    "column_report": ("to be reported by", "notificar hasta"),
    "column_claim": ("to be claimed by", "reclamar hasta"),
    "by_open": ("{when} (open)", "{when} (abierto)"),
    "by_past": ("{when} (past)", "{when} (vencido)"),
    "by_not_ended": ("begins with the end of the incident", "empieza al acabar la incidencia"),
    "by_none": ("–", "–"),
}

_CLOCKS: Final[dict[str, tuple[str, str]]] = {
    "head_incidents": ("Incidents that count", "Incidencias que computan"),
    "caption_incidents": ("Numbers are those of the report.", "La numeración es la del informe."),
    "column_end": ("end", "fin"),
    "column_length": ("downtime", "caída"),
    "column_cause": ("cause", "causa"),
    "column_class": ("class", "clase"),
    "column_affected": ("affected", "afectados"),
    "affected_of": ("{affected} of {players}", "{affected} de {players}"),
    "affected_platform": ("platform", "plataforma"),
    "class_none": ("not defined", "sin definir"),
    "class_open": ("not told by numbers", "no lo dice ninguna cifra"),
    "incidents_none": ("No incident counts in this month.", "En este mes no computa ninguna incidencia."),
    "head_clocks": ("Times promised for each incident", "Tiempos prometidos para cada incidencia"),
    "clocks_note": (
        (
            "Reckoned from the start of the incident without a pause: the earliest that each time can end. What was "
            "mended by then was in time, whenever it was reported."
        ),
        (
            "Se cuentan desde el inicio de la incidencia y sin pausas: lo antes que puede vencer cada plazo. Lo que "
            "estaba resuelto para entonces lo estaba a tiempo, se notificara cuando se notificara."
        ),
    ),
    "clocks_exact": (
        "Reckoned from the start of the incident, as the agreement asks.",
        "Se cuentan desde el inicio de la incidencia, como pide el acuerdo.",
    ),
    "clocks_none": (
        "The agreement defines no failure classes, so no time is promised for an incident.",
        "El acuerdo no define clases de fallo, así que no se promete ningún tiempo por incidencia.",
    ),
    "clocks_no_number": (
        "The agreement defines failure classes ({classes}), but gives no time for any of them; none is worked out.",
        "El acuerdo define clases de fallo ({classes}), pero no da ningún tiempo; no se calcula ninguno.",
    ),
    "column_promise": ("promise", "compromiso"),
    "column_due": ("earliest due", "vence como pronto"),
    "column_verdict": ("as far as known", "según lo que se sabe"),
    "promise_response": ("answered within {time}", "respuesta en {time}"),
    "promise_resolution": ("resolved within {time}", "resolución en {time}"),
    "promise_response_blank": ("answered", "respuesta"),
    "promise_resolution_blank": ("resolved", "resolución"),
    "promise_right": ("after {time}: {gives}", "a los {time}: {gives}"),
    "verdict_in_time": ("in time", "a tiempo"),
    "verdict_running": ("not due within the evidence", "no vence dentro de lo registrado"),
    "verdict_late": ("late", "fuera de plazo"),
    "verdict_depends": ("hangs on the notice", "depende del aviso"),
    "verdict_depends_pauses": ("hangs on notice and pauses", "depende del aviso y de las pausas"),
    "verdict_no_evidence": ("not in the evidence", "no consta en los registros"),
    "verdict_no_number": ("no number is given", "sin cifra en el acuerdo"),
    "verdict_not_served": ("no support for this tier", "sin soporte en esta modalidad"),
    "verdict_never_due": ("never: the hours do not open", "nunca: el horario no abre"),
    "verdict_right_in_time": ("no: mended before", "no: se resolvió antes"),
    "verdict_right_running": ("not yet within the evidence", "aún no dentro de lo registrado"),
    "verdict_right_late": ("yes", "sí"),
    "verdict_right_depends": ("hangs on the notice", "depende del aviso"),
    "verdict_right_never_due": ("never: the hours do not open", "nunca: el horario no abre"),
}

_EVIDENCE: Final[dict[str, tuple[str, str]]] = {
    "head_figure": ("How the figure comes about", "Cómo se obtiene la cifra"),
    "head_evidence": ("What backs it", "Qué lo respalda"),
    "edition": (
        "The month is closed: these are the figures of revision {n}, frozen on {when} (seal {seal}).",
        "El mes está cerrado: estas son las cifras de la revisión {n}, fijada el {when} (sello {seal}).",
    ),
    "coverage": (
        "Known share of the counted time: players {players}, platform {platform}.",
        "Parte conocida del tiempo contado: players {players}, plataforma {platform}.",
    ),
    "coverage_none": ("nothing counted", "nada que contar"),
    "clocks_true": (
        "Every time rests on a clock that was right.",
        "Todas las horas proceden de relojes que estaban en hora.",
    ),
    "left_out_one": (
        "{n} interval was left out by cause, window or ruling ({length}); the report gives the reasons.",
        (
            "Se ha excluido {n} intervalo por su causa, una ventana o una resolución ({length}); el informe da los "
            "motivos."
        ),
    ),
    "left_out_many": (
        "{n} intervals were left out by cause, window or ruling ({length}); the report gives the reasons.",
        (
            "Se han excluido {n} intervalos por su causa, una ventana o una resolución ({length}); el informe da los "
            "motivos."
        ),
    ),
    "full_report": ("The full report: {command}", "El informe completo: {command}"),
    "head_gaps": ("What is missing or must be known first", "Qué falta o debe saberse antes"),
    "gaps_none": ("Nothing.", "Nada."),
    "head_conditions": ("What else the agreement asks for", "Qué más exige el acuerdo"),
    "conditions_note": (
        "No evidence tells whether these are fulfilled.",
        "Ningún registro dice si esto se cumple.",
    ),
    "head_readings": ("How open points are read", "Cómo se interpretan los puntos abiertos"),
    "incident_one": ("No. {n}", "n.º {n}"),
    "incident_many": ("Nos. {n}", "n.os {n}"),
}

_GAPS: Final[dict[str, tuple[str, str]]] = {
    "gap_no_guarantee": (
        "The service is expressly outside any guarantee: nothing is ever owed.",
        "El servicio queda expresamente fuera de toda garantía: nunca se debe nada.",
    ),
    "gap_no_level": (
        "The agreement promises no level of availability, so it gives nothing to claim.",
        "El acuerdo no promete ningún nivel de disponibilidad, así que no hay nada que reclamar.",
    ),
    "gap_no_table": (
        "The agreement gives no table of discounts: ask the other side for it; no amount is worked out.",
        "El acuerdo no incluye la tabla de descuentos: debe pedirse a la otra parte; no se calcula ningún importe.",
    ),
    "gap_in_progress": (
        "The month runs until {until}; whether a discount is due is decided then.",
        "El mes dura hasta el {until}; entonces se decidirá si corresponde un descuento.",
    ),
    "gap_settling": (
        "The figures are provisional: evidence may still arrive until {until}.",
        "Las cifras son provisionales: hasta el {until} aún pueden llegar pruebas.",
    ),
    "gap_coverage": (
        "Too little is known of the month to assess it. Find out why players did not report (see the report).",
        "Se sabe demasiado poco del mes para evaluarlo. Averigüe por qué no informaron los players (véase el informe).",
    ),
    "gap_window_open": (
        "The discount hangs on months that are not over or not known; draft the claim again when they are.",
        (
            "El descuento depende de meses que no han acabado o no se conocen; vuelva a redactar la reclamación "
            "cuando se conozcan."
        ),
    ),
    "gap_silent": (
        (
            "Nothing is known of {months}. If the contract began later, write its first month in the contract file "
            "([life] from); if not, that evidence is missing."
        ),
        (
            "De {months} nada se sabe. Si el contrato empezó después, escriba su primer mes en el fichero del contrato "
            "([life] from); si no, faltan esas pruebas."
        ),
    ),
    "gap_no_claims": (
        "The agreement does not say how, to whom or by when to claim.",
        "El acuerdo no dice cómo, a quién ni en qué plazo reclamar.",
    ),
    "gap_no_claim_deadline": (
        "The agreement does not say by when to claim.",
        "El acuerdo no dice en qué plazo reclamar.",
    ),
    "gap_no_names": (
        "The agreement does not say what a claim must contain; dates, times and players are listed to be safe.",
        ("El acuerdo no dice qué debe contener una reclamación; por seguridad se indican fechas, horas y players."),
    ),
    "gap_no_address": (
        "The agreement gives no address for claims: ask for it.",
        "El acuerdo no indica la dirección para reclamar: pídala.",
    ),
    "gap_claim_past": (
        "The deadline to claim is past for {incidents}.",
        "El plazo para reclamar ha vencido para las siguientes incidencias: {incidents}.",
    ),
    "gap_claim_month_past": (
        "The deadline to claim the month was {due}: it is past.",
        "El plazo para reclamar el mes acabó el {due}: ha vencido.",
    ),
    "gap_report_past": (
        "The deadline to report is past for {incidents}: they count in a claim only if they were reported in time.",
        (
            "El plazo de notificación ha vencido para las siguientes incidencias: {incidents}. Solo valen en una "
            "reclamación si se notificaron a tiempo."
        ),
    ),
    "gap_report_unproven": (
        "No ledger holds when incidents were reported to the provider: enclose the proof for {incidents}.",
        (
            "Ningún registro guarda cuándo se notificaron las incidencias al proveedor: adjunte la prueba de las "
            "siguientes: {incidents}."
        ),
    ),
    "gap_settles_later": (
        (
            "The first deadline to claim, {due}, comes before the figures are final ({settles}): claim in time on the "
            "provisional ones."
        ),
        (
            "El primer plazo para reclamar, el {due}, vence antes de que las cifras sean definitivas ({settles}): "
            "reclame a tiempo con las provisionales."
        ),
    ),
    "gap_project": (
        "The project's name, which the claim must give: --project NAME.",
        "El nombre del proyecto, que la reclamación debe indicar: --project NOMBRE.",
    ),
    "gap_fee": (
        "The fee, without which no amount is worked out: --fee 12345.67 --currency EUR.",
        "La tarifa, sin la que no se calcula ningún importe: --fee 12345.67 --currency EUR.",
    ),
    "gap_credit_of": (
        "The agreement does not say what the percentage is taken of.",
        "El acuerdo no dice a qué se aplica el porcentaje.",
    ),
    "gap_services": (
        "The services affected, which the claim must name: no evidence tells them.",
        "Los servicios afectados, que la reclamación debe indicar: no constan en los registros.",
    ),
    "gap_sites": (
        "The sites of {incidents}, which the claim must name: players have none in the registry.",
        (
            "Los centros de las siguientes incidencias, que la reclamación debe indicar: {incidents}. Hay players sin "
            "centro en el registro."
        ),
    ),
    "gap_clock_start": (
        (
            "When each incident was reported, with which the promised times begin, is in no ledger: the earliest "
            "instants are given."
        ),
        (
            "Cuándo se notificó cada incidencia, que es cuando empiezan los tiempos prometidos, no consta en ningún "
            "registro: se indican los instantes más tempranos."
        ),
    ),
    "gap_pauses": (
        "When clocks stood still (third parties, missing access and the like) is in no ledger.",
        "Cuándo se detuvieron los plazos (terceros, falta de acceso y similares) no consta en ningún registro.",
    ),
    "gap_class_open": (
        "The failure class of {incidents}: the agreement defines it in words, which no evidence decides.",
        (
            "La clase de fallo de las siguientes incidencias: {incidents}. El acuerdo la define con palabras, y los "
            "registros no la deciden."
        ),
    ),
    "gap_class_words": (
        "The failure class of {incidents} goes by the number of players alone; the agreement's words may differ.",
        (
            "La clase de fallo de las siguientes incidencias se basa solo en el número de players: {incidents}. Las "
            "palabras del acuerdo pueden llevarlas a otra."
        ),
    ),
    "gap_no_numbers": (
        "Promised times without a number: the agreement's own table is missing.",
        "Tiempos prometidos sin cifra: falta la tabla del propio acuerdo.",
    ),
    "gap_stand_in": (
        "Hours go by a place that the contract file does not name (time zone or public holidays); a stand-in is used.",
        (
            "Los horarios dependen de un lugar que el fichero del contrato no nombra (zona horaria o festivos); se usa "
            "un sustituto."
        ),
    ),
    "gap_not_served": (
        "The customer's tier is not served by a desk that a time runs at, or it is not named ([customer] tier).",
        (
            "La modalidad del cliente no tiene acceso al soporte por el que se cuenta un plazo, o no se indica "
            "([customer] tier)."
        ),
    ),
    "gap_began_before": (
        (
            "Went on already when the month began: {incidents}. Deadlines go by the earliest known start; look at the "
            "month before."
        ),
        (
            "Ya duraban al empezar el mes: {incidents}. Los plazos se cuentan desde el inicio conocido más temprano; "
            "consulte el mes anterior."
        ),
    ),
    "gap_lasts": (
        "Had not ended when the counted time did: {incidents}.",
        "No habían acabado al terminar el tiempo contado: {incidents}.",
    ),
    "gap_unknown_time": (
        "Nothing is known for {players} of the players and {platform} of the platform.",
        "Nada se sabe durante {players} de los players y {platform} de la plataforma.",
    ),
    "gap_estimated": (
        "{length} rest on clocks that never had the true time.",
        "{length} se basan en relojes que nunca tuvieron la hora real.",
    ),
    "gap_reading": (
        "No band of the table holds the figure: the discount rests on a reading, which the other side may contest.",
        (
            "Ningún tramo de la tabla contiene literalmente la cifra: el descuento se apoya en una interpretación que "
            "la otra parte puede discutir."
        ),
    ),
}

TEXTS: Final[dict[str, tuple[str, str]]] = {**_HEAD, **_LETTER, **_DEADLINES, **_CLOCKS, **_EVIDENCE, **_GAPS}
