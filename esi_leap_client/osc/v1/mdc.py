"""`openstack esi mdc …`: commands on several clouds at once."""

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from osc_lib import exceptions

from esi_leap_client import claims, clouds, errors, moments, retry
from esi_leap_client.osc.v1 import base, columns, lease, offer, options

_T = TypeVar('_T')
Listed = tuple[list[str], list[tuple[object, ...]]]


class Everywhere(base.Lister):
    """A command on the clouds of `clouds.yaml` instead of the one of `--os-cloud`."""

    auth_required = False

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the arguments."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            '--clouds',
            metavar='<cloud>',
            nargs='+',
            help='Clouds of clouds.yaml in order of preference (default: all, in its order)',
        )
        parser.add_argument(
            '--timeout',
            metavar='<seconds>',
            type=options.positive,
            default=retry.ANSWER,
            help='Time after which a cloud without an answer is left out (default: %(default)s)',
        )
        return parser

    def sentence(self, error: Exception) -> str:
        """Return one sentence for an error; there is no single service to name."""
        return errors.sentence(error)

    def sites(self, parsed_args: argparse.Namespace) -> Any:  # noqa: ANN401 - a context of sites
        """Open the sites of the chosen clouds."""
        return clouds.opened(
            parsed_args.clouds,
            timeout=parsed_args.timeout,
            version=self.app.api_version['lease'],
        )

    def ask(
        self,
        sites: Sequence[clouds.Site],
        question: Callable[[Any], _T],
        parsed_args: argparse.Namespace,
    ) -> list[clouds.Answer[_T]]:
        """Ask the sites; print on stderr the sites that did not answer.

        Args:
            sites: The sites.
            question: Called with the proxy of each site's lease service.
            parsed_args: The arguments.

        Returns:
            The answers, without the sites that did not answer.

        Raises:
            osc_lib.exceptions.CommandError: No site answered.
        """
        said = clouds.ask(sites, question, timeout=parsed_args.timeout)
        for answer in said:
            if answer.trouble is not None:
                self.tell(f'No answer from {answer.site}: {answer.trouble}')
        answers = [answer for answer in said if answer.trouble is None]
        if not answers:
            raise exceptions.CommandError('No cloud answered.')
        return answers

    def listed(
        self,
        question: Callable[[Any], Iterator[Any]],
        attrs: Sequence[str],
        extra: Sequence[str],
        parsed_args: argparse.Namespace,
    ) -> Listed:
        """Return the offers or leases of all sites as a list.

        Args:
            question: Called with the proxy of each site's lease service; lists its objects.
            attrs: The columns.
            extra: Columns that are shown only if `-c` names them.
            parsed_args: The arguments.

        Returns:
            Labels and rows.
        """

        def everything(there: Any) -> list[Any]:  # noqa: ANN401 - a Proxy
            return list(question(there))

        with self.sites(parsed_args) as sites:
            answers = self.ask(sites, everything, parsed_args)
        found = [(answer.site, answer.value or ()) for answer in answers]
        return _rows(found, attrs, extra, parsed_args)


def _rows(
    found: Iterable[tuple[clouds.Site, Iterable[Any]]],
    attrs: Sequence[str],
    extra: Sequence[str],
    parsed_args: argparse.Namespace,
) -> Listed:
    labels, _ = columns.rows((), attrs, extra, parsed_args)
    lines = [
        (site.cloud, site.region, *line)
        for site, items in found
        for line in columns.rows(items, attrs, extra, parsed_args)[1]
    ]
    return ['Cloud', 'Region', *labels], lines


class ListOffer(Everywhere):
    """List the offers of several clouds."""

    example = 'openstack esi mdc offer list --clouds north south --availability-range now +2d'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the arguments."""
        parser = super().get_parser(prog_name)
        offer.add_filters(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Listed:
        """List them."""
        query = offer.filters(parsed_args)
        shown = (offer.BRIEF, (*offer.DETAIL, *offer.EXTRA))
        return self.listed(lambda there: there.offers(**query), *shown, parsed_args)


class ListLease(Everywhere):
    """List the leases in several clouds."""

    example = 'openstack esi mdc lease list --status active'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the arguments."""
        parser = super().get_parser(prog_name)
        lease.add_filters(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Listed:
        """List them."""
        query = lease.filters(parsed_args)
        shown = (lease.BRIEF, (*lease.DETAIL, *lease.EXTRA))
        return self.listed(lambda there: there.leases(**query), *shown, parsed_args)


class ClaimOffer(Everywhere):
    """Claim several nodes for one window from offers of several clouds: all nodes or none.

    The clouds are used in the order in which they are named. Within a cloud, offers whose free
    time fits the window most tightly come first. If another project claims an offer first, the
    next one is tried. If there are not enough offers, or on Ctrl-C, all new leases are cancelled.
    """

    example = 'openstack esi mdc offer claim 3 now +2d --clouds north south --resource-class gpu'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the arguments."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'node_count', metavar='<node_count>', type=options.positive, help='Number of nodes'
        )
        parser.add_argument(
            'start_time',
            metavar='<start_time>',
            type=options.moment,
            help=f'Start time ({moments.ACCEPTED})',
        )
        parser.add_argument(
            'end_time',
            metavar='<end_time>',
            type=options.moment,
            help=f'End time, exclusive ({moments.ACCEPTED}, which counts from the start time)',
        )
        options.add_resource_type(parser)
        options.add_resource_class(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Listed:
        """Claim them.

        Args:
            parsed_args: The arguments.

        Returns:
            The leases.

        Raises:
            osc_lib.exceptions.CommandError: There are not enough offers. All new leases are then
                cancelled, except those that a message names.
        """
        window = options.window(parsed_args)
        start = window.get('start_time') or moments.wire(moments.present())
        query = {
            'status': 'available',
            'available_start_time': start,
            'available_end_time': window['end_time'],
            'resource_type': parsed_args.resource_type,
            'resource_class': parsed_args.resource_class,
        }
        wanted = parsed_args.node_count
        with self.sites(parsed_args) as sites:
            said = self.ask(sites, lambda there: list(there.offers(**query)), parsed_args)
            picks = claims.ranked(said, start, window['end_time'])
            if len(picks) < wanted:
                raise exceptions.CommandError(
                    f'{wanted} nodes requested, {len(picks)} on offer; none was claimed.'
                )
            with claims.Claims(window, self.tell) as taking:
                complete = taking.take(wanted, picks)
                for site, why in taking.refusals.items():
                    self.tell(f'Trouble in {site}: {why}')
                if not complete:
                    raise exceptions.CommandError(
                        f'Only {len(taking.held)} of {wanted} nodes could be claimed.'
                    )
            made = sorted(taking.held, key=lambda held: picks.index(held.pick))
        found = [(held.site, (held.lease,)) for held in made]
        return _rows(found, lease.BRIEF, (*lease.DETAIL, *lease.EXTRA), parsed_args)
