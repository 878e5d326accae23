"""The API: routes, and failures outside the views as Anthropic's envelope.

Invariants: views answer with whole responses, so that ninja only routes; its own error bodies never reach a
client; the OpenAPI page is off, because the contract is Anthropic's.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError

from bridge_api import errors, views


class BridgeAPI(NinjaAPI):
    """Ninja for routing: the response that it prepares for a view to decorate is never used here."""

    _unused = HttpResponse()

    def create_temporal_response(self, request: HttpRequest) -> HttpResponse:
        return self._unused


api = BridgeAPI(title="Anthropic Messages on OpenAI Responses", version="1.0", docs_url=None, openapi_url=None)

api.post("/v1/messages", include_in_schema=False)(views.create_message)
api.post("/v1/messages/stream", include_in_schema=False)(views.stream_message)
api.post("/v1/messages/count_tokens", include_in_schema=False)(views.count_tokens)
api.post("/v1/messages/token_count", include_in_schema=False, url_name="token_count")(views.count_tokens)
api.get("/v1/models", include_in_schema=False)(views.list_models)
api.get("/v1/models/{path:name}", include_in_schema=False)(views.get_model)
api.get("/healthz", include_in_schema=False)(views.healthz)
api.get("/readyz", include_in_schema=False)(views.readyz)
api.api_operation(["HEAD", "GET"], "/api/hello", include_in_schema=False, url_name="hello")(views.quiet)
api.post("/api/event_logging/batch", include_in_schema=False, url_name="event_logging")(views.quiet)


@api.exception_handler(errors.BridgeError)
def _bridge_error(request: HttpRequest, error: errors.BridgeError) -> HttpResponse:
    return views.failed(error, views.arrival_of(request), {})


@api.exception_handler(HttpError)
def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    failure = errors.InvalidRequest("The request could not be read.")
    return views.failed(failure, views.arrival_of(request), {})
