"""Completion by the shell: names that a command would accept for an argument that is begun."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    _Choice = click.Choice[str]
else:  # generic since click 8.2
    _Choice = click.Choice


class Names(_Choice):
    """A fixed set of names. Another one is refused in the words of the package, with the name that was meant."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ARG002 - of click
        """Return a name that is accepted.

        Parameters
        ----------
        value : str
            What was given.
        param : click.Parameter, optional
            The option or argument it was given for.
        ctx : click.Context, optional
            Not read.

        Returns
        -------
        str
        """
        from theory_check.foundation.arguments import check_choice

        what = "name" if param is None or param.name is None else param.name.replace("_", " ")
        check_choice(what, value, self.choices)
        return str(value)


Completer: TypeAlias = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _completer(names: Callable[[], Iterable[tuple[str, str]]]) -> Completer:
    def complete(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
        folded = begun.casefold()
        return [CompletionItem(name, help=text) for name, text in names() if name.casefold().startswith(folded)]

    return complete


def _claims() -> Iterable[tuple[str, str]]:
    from theory_check.catalogue.regimes import all_claims
    from theory_check.reporting.mathematics import unicode_text

    return [(claim.id, unicode_text(claim.title)) for claim in all_claims()]


def _regimes() -> Iterable[tuple[str, str]]:
    from theory_check.catalogue.regimes import REGIMES

    return [(regime.name, regime.title) for regime in REGIMES]


def _weights() -> Iterable[tuple[str, str]]:
    from theory_check.networks.weights import WEIGHTS

    return [(name, "") for name in WEIGHTS.names]


def _processes() -> Iterable[tuple[str, str]]:
    from theory_check.networks.weights import process_names

    return [(name, "") for name in process_names()]


complete_claim, complete_regime = _completer(_claims), _completer(_regimes)
complete_weights, complete_process = _completer(_weights), _completer(_processes)
