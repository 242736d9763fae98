"""ignite: `watch(trainer)`."""

from __future__ import annotations

from typing import Any

from koubai.callbacks.observer import Observer, needed


def watch(trainer: Any, *, tell: bool = True) -> Observer:
    """Watch what an ignite `Engine` trains, from its start to its end; its `verdict` says what is wrong.

    Raises:
        EngineError: ignite is not installed.
    """
    events = needed("ignite.engine", "pytorch-ignite").Events
    seen = Observer(tell)
    trainer.add_event_handler(events.STARTED, lambda engine: seen.begin())
    trainer.add_event_handler(events.COMPLETED, lambda engine: seen.end())

    def failed(engine: Any, error: BaseException) -> None:
        """Leave no hooks behind. An engine that has such a handler leaves it to that to raise the error."""
        seen.end(error)
        if len(engine._event_handlers[events.EXCEPTION_RAISED]) == 1:
            raise error

    trainer.add_event_handler(events.EXCEPTION_RAISED, failed)
    return seen
