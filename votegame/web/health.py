"""Health and metrics: for balancers and operators."""

import hmac
from collections.abc import Callable, Sequence

from aiohttp import web

from votegame.errors import ErrorCode
from votegame.limits.admission import Admission, always_open
from votegame.metrics import Metrics
from votegame.web.identity import Doorman, bearer_token
from votegame.web.problems import ProblemError, json_response, problem_response


class HealthViews:
    """The handlers; `routes` lists them."""

    def __init__(
        self,
        *,
        doorman: Doorman,
        metrics: Metrics,
        metrics_token: str,
        obstacles: Callable[[], Sequence[str]],
        admission: Admission | None = None,
    ) -> None:
        """Make the views.

        Args:
            doorman: Tells which requests come from this machine.
            metrics: What `/metrics` shows.
            metrics_token: With it `/metrics` can be read from elsewhere; empty for not at all.
            obstacles: Why the node should get no traffic just now; empty when it should.
            admission: Whom it turns away just now. That is no reason to send nobody: who plays here must come back.
        """
        self._doorman = doorman
        self._metrics = metrics
        self._metrics_token = metrics_token
        self._obstacles = obstacles
        self._admission = admission or always_open()

    def routes(self) -> Sequence[web.RouteDef]:
        """All routes of health."""
        return [
            web.get("/healthz", self.healthz),
            web.get("/readyz", self.readyz),
            web.get("/metrics", self.metrics),
        ]

    async def healthz(self, _request: web.Request) -> web.Response:
        """The process is up."""
        return json_response({"status": "ok"})

    async def readyz(self, _request: web.Request) -> web.Response:
        """Whether the node takes traffic."""
        obstacles = list(self._obstacles())
        if obstacles:
            return problem_response(ErrorCode.UNAVAILABLE, {"reasons": obstacles})
        shut = list(self._admission.shut)
        return json_response({"status": "ready", "turns_away": shut} if shut else {"status": "ready"})

    async def metrics(self, request: web.Request) -> web.Response:
        """All metrics, for this machine or with the token."""
        if not (self._doorman.is_local(request) or self._has_token(request)):
            raise ProblemError(ErrorCode.UNAUTHENTICATED)
        return web.Response(body=self._metrics.rendered(), headers={"Content-Type": "text/plain; version=0.0.4"})

    def _has_token(self, request: web.Request) -> bool:
        # Bytes that are no UTF-8 stand in headers as surrogates; this makes them what was sent.
        given = (bearer_token(request) or "").encode(errors="surrogateescape")
        return bool(self._metrics_token) and hmac.compare_digest(given, self._metrics_token.encode())
