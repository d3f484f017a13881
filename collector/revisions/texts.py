"""PURE. Every sentence about revisions, English beside Spanish. Names in braces are filled in."""

from __future__ import annotations

from typing import Final

_DIFFERENCES: Final[dict[str, tuple[str, str]]] = {
    "diff_figure": (
        "The figure was {before} and is {after}{note}.",
        "La cifra era {before} y es {after}{note}.",
    ),
    "diff_figure_same": ("The figure stays {after}{note}.", "La cifra sigue siendo {after}{note}."),
    "diff_discount": (
        "The discount was {before} and is {after}.",
        "El descuento era {before} y es {after}.",
    ),
    "diff_discount_same": ("The discount stays {after}.", "El descuento sigue siendo {after}."),
    "diff_termination_gained": (
        "A right to terminate is known now that was not known before.",
        "Ahora consta un derecho de resolución que antes no constaba.",
    ),
    "diff_termination_lost": (
        "The right to terminate that was told before does not stand any more.",
        "El derecho de resolución que se indicó antes ya no existe.",
    ),
    "diff_evidence": ("{name}: {runs}; {effect}.", "{name}: {runs}; {effect}."),
    "diff_more": (
        "Evidence of {n} more players changed; the bundle of this revision has them all.",
        "Cambiaron las pruebas de otros {n} players; el paquete de esta revisión las contiene todas.",
    ),
    "diff_ruling": (
        "Ruling {id} by {who} on {name}, {times}: {said} ({why}).",
        "Decisión {id} de {who} sobre {name}, {times}: {said} ({why}).",
    ),
    "diff_window": (
        "Window {id} ({window}) by {who}, {times}: {why}.",
        "Ventana {id} ({window}) de {who}, {times}: {why}.",
    ),
    "diff_window_changed": (
        "Window {id} ({window}), {times}, covers others than before.",
        "La ventana {id} ({window}), {times}, abarca a otros que antes.",
    ),
    "diff_window_cancelled": (
        "Window {id} ({window}), {times}, was taken back by {who}: {why}.",
        "{who} retiró la ventana {id} ({window}), {times}: {why}.",
    ),
    "diff_window_gone": (
        "Window {id} covers nobody of this agreement any more.",
        "La ventana {id} ya no abarca a nadie de este acuerdo.",
    ),
    "diff_joined": (
        "{name} is judged now; it was not in the registry for this month.",
        "{name} se evalúa ahora; no constaba en el registro para este mes.",
    ),
    "diff_left": (
        "{name} is not judged any more; the registry does not have it in this month.",
        "{name} ya no se evalúa; el registro no lo incluye en este mes.",
    ),
    "diff_subject": (
        "The registry says something else of {name}: its active time, hours or kind.",
        "El registro indica otra cosa de {name}: su tiempo activo, su horario o su tipo.",
    ),
    "diff_calendar": (
        "The hours of the calendar {calendar} are others.",
        "El horario del calendario {calendar} es otro.",
    ),
    "diff_holidays": (
        "The holidays of the calendar {calendar} are others: {days}.",
        "Los festivos del calendario {calendar} son otros: {days}.",
    ),
    "diff_contract": (
        "The contract's file is another; it was closed again with it by hand.",
        "El archivo del contrato es otro; el mes se cerró de nuevo con él manualmente.",
    ),
    "diff_month_known": (
        "{month} became known (its revision {revision}), and is judged with it.",
        "Ya se conoce {month} (su revisión {revision}), que se evalúa conjuntamente.",
    ),
    "diff_month_revised": (
        "{month}, judged with it, was revised (revision {revision}).",
        "Se revisó {month}, que se evalúa conjuntamente (revisión {revision}).",
    ),
}

_PARTS: Final[dict[str, tuple[str, str]]] = {
    "runs_late_one": ("{n} run came late", "{n} intervalo llegó tarde"),
    "runs_late_many": ("{n} runs came late", "{n} intervalos llegaron tarde"),
    "runs_changed_one": ("{n} run reads differently", "{n} intervalo dice otra cosa"),
    "runs_changed_many": ("{n} runs read differently", "{n} intervalos dicen otra cosa"),
    "runs_gone_one": ("{n} run lies outside the month", "{n} intervalo queda fuera del mes"),
    "runs_gone_many": ("{n} runs lie outside the month", "{n} intervalos quedan fuera del mes"),
    "runs_none": ("its evidence was put in another order", "sus pruebas cambiaron de orden"),
    "became": ("{length} {before} became {after}", "{length} de «{before}» pasaron a «{after}»"),
    "became_else": ("{length} changed in other ways", "{length} cambiaron de otro modo"),
    "became_nothing": ("no counted time changed its state", "ningún tiempo contado cambió de estado"),
    "down_more_players": ("{length} more downtime of players", "{length} más de caída de los players"),
    "down_less_players": ("{length} less downtime of players", "{length} menos de caída de los players"),
    "down_more_platform": ("{length} more downtime of the platform", "{length} más de caída de la plataforma"),
    "down_less_platform": ("{length} less downtime of the platform", "{length} menos de caída de la plataforma"),
}

_REASONS: Final[dict[str, tuple[str, str]]] = {
    "reason_provisional": ("provisional", "provisional"),
    "reason_coverage": ("too little is known", "se sabe demasiado poco"),
    "reason_no_level": ("no level is promised", "no se promete ningún nivel"),
    "reason_met": ("the level was reached", "se alcanzó el nivel"),
    "reason_no_table": ("the contract has no table", "el contrato no tiene tabla"),
    "reason_no_band": ("no band of the table", "ninguna franja de la tabla"),
    "reason_players": ("too few players were affected", "hubo muy pocos players afectados"),
    "reason_window": ("no guarantee window fell", "no se incumplió ningún periodo de garantía"),
    "reason_window_open": ("a guarantee window is still open", "un periodo de garantía sigue abierto"),
    "reason_due": ("due", "procede"),
}

_TRIGGERS: Final[dict[str, tuple[str, str]]] = {
    "trigger_settled": ("the time for late evidence was over", "terminó el plazo para pruebas tardías"),
    "trigger_all_reported": ("everybody who counts had reported", "habían informado todos los que cuentan"),
    "trigger_evidence": ("evidence came late", "llegaron pruebas tardías"),
    "trigger_decisions": ("windows or rulings changed", "cambiaron ventanas o decisiones"),
    "trigger_registry": ("the registry changed", "cambió el registro"),
    "trigger_months": (
        "months that are judged with it became known or were revised",
        "se conocieron o revisaron meses que se evalúan conjuntamente",
    ),
}

_WAITING: Final[dict[str, tuple[str, str]]] = {
    "waits": (
        "Since revision {revision}: {what}. The next revision is made when this has come to rest.",
        "Desde la revisión {revision}: {what}. La siguiente revisión se hace cuando no llegue nada más.",
    ),
    "waits_players_one": ("evidence of {n} player came late", "llegaron pruebas tardías de {n} player"),
    "waits_players_many": ("evidence of {n} players came late", "llegaron pruebas tardías de {n} players"),
    "waits_platforms_one": (
        "evidence of {n} part of the platform came late",
        "llegaron pruebas tardías de {n} parte de la plataforma",
    ),
    "waits_platforms_many": (
        "evidence of {n} parts of the platform came late",
        "llegaron pruebas tardías de {n} partes de la plataforma",
    ),
    "waits_decisions_one": ("{n} window or ruling changed", "cambió {n} ventana o decisión"),
    "waits_decisions_many": ("{n} windows or rulings changed", "cambiaron {n} ventanas o decisiones"),
}

TEXTS: Final[dict[str, tuple[str, str]]] = {**_DIFFERENCES, **_PARTS, **_REASONS, **_TRIGGERS, **_WAITING}
