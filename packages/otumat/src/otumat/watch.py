"""The public API of otumat-watch, under the name it has in the suite."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from otumat_watch import *  # noqa: F403
else:
    from otumat._forward import forward

    __getattr__, __dir__ = forward("otumat_watch")
    del forward
