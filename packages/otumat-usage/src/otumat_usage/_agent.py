"""`UsageAgent`, what a package embeds: it records when it may, and is silent whatever happens.

The constructor and `log` load nothing, print nothing, raise nothing and wait for nothing, the one
question at a terminal excepted. Everything else is loaded when it is called.
"""

import os
import sys

from otumat_usage import _answer, _home, _optout

TYPE_CHECKING = False
if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from otumat_usage._news import News
    from otumat_usage._spool import Spool
    from otumat_usage._upload import Outcome

_WEEK = 7 * 86400

Value = str | int | float | bool

#: Where `testing.capture` receives events instead of the disk.
sink: "Callable[[UsageAgent, str, dict[str, Value]], None] | None" = None
#: The agents of this process by the canonical name of their package; `_enquiry` looks here.
agents: "dict[str, UsageAgent]" = {}


class UsageAgent:
    """Record usage events of one package, if and only if its user agreed.

    The first time a package is imported at a terminal, its user is asked. Until they have agreed,
    on the host's page too, `log` does nothing at all.

    Args:
        author: name of the software's author; with *data_directory* it tells where otumat 0.3
            kept its answer, which is honoured.
        data_directory: name of the package's data directory, see *author*.
        package_name: name of the package, usually ``__name__``.
        host: origin of the maintainer's host, ``https://usage.example.org``; http is taken for
            loopback only. None: the host that the user last agreed to.
        install_route: path of the consent page; default ``/user/usage-install``.
        event_route: path that takes events; default ``/api/usage-event``.
        refresh_route: path of the token endpoint; default ``/auth/token``.
        response_timeout: how long to wait for the user at the host's page, in seconds.
        upload_frequency: how often events are uploaded: a number and one of ``s m h d``.
        events: the events that are recorded, ``{name: {property: bool | int | float | str}}``.
            They are listed to the user before the answer; anything else is dropped and counted.
            None: any event name, no properties.

    A wrong argument does not raise in a user's program (nothing is recorded then, and `refusal`
    tells why); under `otumat_usage.testing.capture` it raises `ConfigurationError`.
    """

    def __init__(  # noqa: PLR0913 - the signature of 0.3, all by keyword
        self,
        *,
        author: str,
        data_directory: str,
        package_name: str,
        host: str | None = None,
        install_route: str | None = None,
        event_route: str | None = None,
        refresh_route: str | None = None,
        response_timeout: float = 60,
        upload_frequency: str = "24h",
        events: dict[str, dict[str, type]] | None = None,
    ) -> None:
        self.config: dict[str, object] = {
            "author": author,
            "data_directory": data_directory,
            "package_name": package_name,
            "host": host,
            "install_route": install_route,
            "event_route": event_route,
            "refresh_route": refresh_route,
            "response_timeout": response_timeout,
            "upload_frequency": upload_frequency,
        }
        self.events = events
        self.package = self.home = self.origin = self.text = ""
        self._fault = ""
        self._head: tuple[int, str] = (-1, "")
        self._spool: Spool | None = None
        self._spools: dict[str, Spool] = {}
        self._looked = 0.0
        self._watched: _answer.Watched | None = None
        try:
            self._settle()
        except Exception as error:  # a stranger's import must go on, whatever is wrong with us
            if sink is not None:
                raise
            self._fault = f"{type(error).__name__}: {error}"

    def _settle(self) -> None:
        """Find out whether this program records; loads the less, the sooner the answer is no."""
        name = self.config["package_name"]
        self.package = _home.canonical(name) if isinstance(name, str) else ""
        if sink is not None:
            from otumat_usage import _settings

            _settings.of(self.config)
            self._resolve({})
            return
        self.home = _home.folder()
        agents[self.package] = self
        if _optout.overruled(self.package, self.home):
            return
        self._watched = _answer.Watched(self.home, self.package)
        answer = self._watched.now()
        if not answer.asked:
            answer = self._honour_0_3()
        if answer.refused:
            return
        person = "ipykernel" in sys.modules or (os.isatty(0) and os.isatty(2))
        if answer.agreed or person:
            self._resolve(answer.agreed)
            if person and self.origin and answer.reason(self.origin, self.text):
                self._ask()

    def _resolve(self, agreed: "Mapping[str, object]") -> None:
        """Find origin and text id, by which an agreement is known.

        Raises:
            ConfigurationError: the host or the declaration cannot be right.
        """
        from otumat_usage import _schema

        host = self.config["host"]
        if host is None:
            self.origin = next(iter(agreed), "") if len(agreed) == 1 else ""
        elif isinstance(host, str) and host.rstrip("/") in agreed:
            self.origin = host.rstrip("/")
        else:
            from otumat_usage import _origin

            self.origin = _origin.of(host)
        self.text = _schema.text_id(_schema.checked(self.events))

    def _honour_0_3(self) -> _answer.Answer:
        """Take over a no that was given to otumat 0.3."""
        watched = self._watched or _answer.Watched(self.home, self.package)
        author, data_directory = self.config["author"], self.config["data_directory"]
        if not (isinstance(author, str) and isinstance(data_directory, str)):
            return watched.now()
        try:
            left = _home.read(_home.legacy_folder(author, data_directory) + "/config.json")
        except OSError:
            return watched.now()
        if b'"collect": false' not in left:  # as json.dump wrote it; only a no matters here
            return watched.now()
        from otumat_usage import _legacy

        _legacy.honour(self.home, author, data_directory, self.package)
        return watched.again()

    def _ask(self) -> None:
        """Put the question, or say in a notebook how to answer it."""
        from otumat_usage import _consent

        if _consent.in_notebook():
            _consent.mention(self.home, self.config, self.events)
            return
        _consent.ask_once(self.home, self.config, self.events)
        if self._watched is not None:
            self._watched.again()

    def refusal(self) -> str | None:
        """Say in words why nothing is recorded at this moment, or None when it is."""
        if self._watched is not None:
            self._watched.again()
        why = self._refusal()
        if why == _answer.NOT_ASKED:  # then nobody has looked at the configuration yet
            try:
                self._resolve({})
            except ValueError as error:
                return str(error)
        return why

    def _refusal(self) -> str | None:
        """Say the same, believing for a second what the disk said."""
        return self._fault or _optout.overruled(self.package, self.home) or self._recorded()

    def _recorded(self) -> str | None:
        if self._watched is None:
            self._watched = _answer.Watched(self.home, self.package)
        answer = self._watched.now()
        if answer.refused or not answer.agreed:
            return answer.refused or _answer.NOT_ASKED
        if not self.origin:
            self._resolve(answer.agreed)
        return answer.reason(self.origin, self.text) if self.origin else "no host is configured"

    def log(self, *, event_type: str, **properties: Value) -> None:
        """Record that something was used, if its user agreed; returns at once and never raises.

        *event_type*: printable, at most 100 characters. *properties*: as declared in ``events=``.
        What cannot be recorded is counted, and the count is uploaded.
        """
        try:
            if sink is not None:
                from otumat_usage import _schema

                _schema.line(self.events, event_type, properties)
                sink(self, event_type, properties)
            elif self._refusal() is None:
                self._record(event_type, properties)
        except Exception:  # the program that is being measured must not notice
            if sink is not None:
                raise

    def _record(self, event_type: str, properties: dict[str, Value]) -> None:
        spool = self._spool or self._open_spool()
        try:
            event = self._line(self.events, event_type, properties)
        except ValueError:  # UndeclaredEventError, whose module is not loaded for this
            spool.drop("undeclared")
            return
        spool.append(self._heading(), event)
        if spool.began != self._looked:  # once per file: at the first event, then at most hourly
            self._looked = spool.began
            self._see_to_uploads()

    def _see_to_uploads(self) -> None:
        """Load what starts an uploader, unless the job's note says: not yet (see `_due`)."""
        if not 0 < _home.changed(f"{self.home}/job") - self._looked < _WEEK:
            from otumat_usage import _due

            _due.look(self.home)

    def _open_spool(self) -> "Spool":
        from otumat_usage import _schema, _spool

        self._line = _schema.line
        folder = _spool.folder(self.home, self.package)
        # Of threads that come here at once one wins: setdefault is atomic, without a lock to fork.
        made = _spool.Spool(folder, self._still_agreed)
        self._spool = self._spools.setdefault(folder, made)
        return self._spool

    def _still_agreed(self) -> bool:
        return self._watched is not None and not self._watched.again().reason(
            self.origin, self.text
        )

    def _heading(self) -> str:
        """Return what the user agreed to and the context, as a spool begins; found once."""
        since = self._watched.now().agreed[self.origin][1] if self._watched else 0
        if self._head[0] != since:
            from otumat_usage import _schema

            context = _schema.context(str(self.config["package_name"]))
            self._head = (since, "\t".join((self.origin, self.text, str(since), *context)))
        return self._head[1]

    def seal(self) -> None:
        """Leave what this process has recorded to the uploader."""
        if not self._fault and self._spool is not None:
            self._spool.seal()

    def news(self) -> "News | None":
        """Return what the host's last answer told this package's users, or None; never raises.

        Nothing is asked now, and nothing is ever shown unless you show it.
        """
        from otumat_usage import _news

        return None if self.refusal() else _news.read(self.home, self.package, self.origin)

    def show_logs(self) -> list[str]:
        """Return exactly the request bodies that would be sent next, as JSON text, oldest first.

        Raises:
            StoreError: what is waiting cannot be read.
        """
        from otumat_usage import _calls

        return _calls.preview(self)

    def send(self) -> "Outcome":
        """Upload what is waiting for this package; return what happened.

        Raises:
            RefusedError: nothing may be sent.
            StoreError: what is waiting cannot be read.
        """
        from otumat_usage import _calls

        return _calls.send(self)

    def recurring_send(self, *, start: "dt.datetime", frequency: str = "24h") -> None:
        """Block the caller, and send at each period from *start* on until the user says no.

        *start* is taken as UTC when it has no zone. *frequency* is like ``upload_frequency``.

        Raises:
            ConfigurationError: *frequency* is none.
        """
        from otumat_usage import _calls

        _calls.recurring(self, start, frequency)

    def install(self) -> bool:
        """Ask the user, whatever they answered before; say whether they agree now.

        Raises:
            RefusedError: the environment says no (see `refusal`), or there is no terminal.
            EnrolmentError: the host's page did not end in an agreement.
        """
        from otumat_usage import _consent

        self._watched = None
        return _consent.ask_again(self.home, self.config, self.events)

    def uninstall(self) -> None:
        """Withdraw: stop recording, delete everything local, ask the host to erase its part.

        The host is asked by the next upload run, until it confirms; the answer becomes a no.

        Raises:
            StoreError: a file cannot be removed.
        """
        from otumat_usage import _withdraw

        _withdraw.leave(self.home, self.package, "uninstall")

    def refresh_token(self) -> None:
        """Renew the tokens now, under the lock that all processes of this user share.

        Raises:
            RefusedError: nothing may be sent.
            TokenError: the host no longer honours them.
            HostError: the host cannot be reached; the tokens stay.
        """
        from otumat_usage import _calls

        _calls.refresh(self)

    def save_config(self) -> None:
        """Write this agent's configuration where the commands and the uploader find it.

        Raises:
            RefusedError: nothing may be recorded about this package.
            StoreError: the file cannot be written.
        """
        from otumat_usage import _settings

        _settings.save(self.home, self.config, self.events)
