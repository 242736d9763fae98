"""What `koubai train` and `koubai resume` print while a run goes on and when it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

from koubai.cli.output import console, live, print_json, print_table, style
from koubai.cli.streams import INTERRUPTED
from koubai.train.progress import Progress
from koubai.train.sentences import ended, go_on, matrices, measure_rows, score_rows
from koubai.train.train import Run
from koubai.words import say


@contextmanager
def watching() -> Iterator[tuple[Callable[[str], None], Progress]]:
    """Yield how to tell something on the side, and the progress display."""
    side = console(stderr=True)
    with Progress(live=live()) as progress:
        yield lambda sentence: side.print(sentence, markup=False) if sentence else None, progress


def finish_in_words(run: Run) -> int:
    """Print how a run ended and what it reached; return the exit code."""
    interrupted = run.stopped_by == "interrupted"
    if style.json:
        print_json(
            {
                "folder": str(run.folder),
                "recipe": run.recipe.hash,
                "engine": run.session.program.engine,
                "threads": run.session.threads,
                "step": run.session.step,
                "stopped_by": run.stopped_by,
                "seconds": run.seconds,
                "startup": run.startup,
                "scores": {part: asdict(score) for part, score in run.scores.items()},
            }
        )
    else:
        out = console()
        out.print(ended(run), markup=False)
        header, *rows = score_rows(run.scores)
        print_table(header, rows, right=(1, 2, 3))
        if measured := measure_rows(run.scores):
            header, *rows = measured
            print_table(header, rows, right=tuple(range(1, len(header))))
        for sentence, table in matrices(run.scores, run.preparation.class_names):
            out.print(sentence, markup=False)
            if table:
                print_table(table[0], table[1:], right=tuple(range(1, len(table[0]))))
        out.print(go_on(run) if interrupted else say("cli.train.written", folder=run.folder), markup=False)
    return INTERRUPTED if interrupted else 0
