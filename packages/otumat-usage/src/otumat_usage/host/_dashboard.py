"""Show the maintainer the answers: a list of packages and one page for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otumat_usage.host import _packages
from otumat_usage.host._admin import is_admin, locked
from otumat_usage.host._charts import bars, columns, line
from otumat_usage.host._pages import message, page
from otumat_usage.host._snippet import snippet
from otumat_usage.host._statistics import Summary, iso, summarise
from otumat_usage.host._web import Request, Response, host_of, reading

if TYPE_CHECKING:
    from otumat_usage.host._database import Connection

__all__ = ["package_page", "start_page"]

_SHOWN = 12
_DIMENSIONS = (
    ("package_version", "By version"),
    ("python", "By Python"),
    ("os", "By operating system"),
)


async def start_page(request: Request) -> Response:
    """Serve ``/``: every package with its users."""
    if not await is_admin(request):
        return locked()
    host = host_of(request)
    now = host.now()

    def read(connection: Connection) -> list[Summary]:
        names = _packages.names(connection)
        return [summarise(connection, _packages.find(connection, n), now) for n in names]

    return page("packages.html", {"summaries": await reading(host, read), "issuer": host.issuer})


async def package_page(request: Request) -> Response:
    """Serve ``/p/{package}``."""
    if not await is_admin(request):
        return locked()
    host = host_of(request)
    name, now = request.path_params["package"], host.now()

    def read(connection: Connection) -> tuple[Summary, str] | None:
        package = _packages.get(connection, name)
        if package is None:
            return None
        return summarise(connection, package, now), snippet(package, host.issuer)

    found = await reading(host, read)
    if found is None:
        return message(404, "Not here", f"No package {name!r} is registered at this host.")
    return page("dashboard.html", _values(found[0]) | {"snippet": found[1]})


def _values(summary: Summary) -> dict[str, object]:
    days = [(iso(day), users, events) for day, users, events in summary.days]
    month = summary.active[28]
    return {
        "s": summary,
        "days": days[::-1],
        "users_plot": line("Active installs per day", [(d, users) for d, users, _ in days]),
        "events_plot": line("Events per day", [(d, events) for d, _, events in days]),
        "often": [(n, count) for n, count in enumerate(summary.active_days, 1)],
        "often_plot": columns(
            "Installs by days active of the last 28",
            [(str(n), count) for n, count in enumerate(summary.active_days, 1)],
        ),
        "features_plot": bars(
            "Installs per feature", [(f.name, f.users) for f in summary.features[:_SHOWN]]
        ),
        "least": list(reversed(summary.features))[:_SHOWN],
        "hidden": max(0, len(summary.features) - _SHOWN),
        "dimensions": [
            (title, bars(title, summary.dimensions[key][:8]), summary.dimensions[key])
            for key, title in _DIMENSIONS
        ],
        "month": month,
    }
