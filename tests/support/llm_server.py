"""A language model on loopback that speaks OpenAI's interface, and keeps its own account."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.support.faulty_http import Fault, Reply, Request, Respond, json_reply

ANSWER = {
    "signal": "BUY",
    "confidence": 62,
    "position_size": 0.2,
    "stop_loss": -2.5,
    "take_profit": 5.0,
    "reasoning": "Oversold with rising momentum.",
}


@dataclass
class LlmWire:
    """Answers every completion alike, and counts what it would charge for.

    Attributes:
        content: the words of the answer.
        usage: what each answer costs, as the provider names it.
        served: the model that it says answered.
    """

    content: str = json.dumps(ANSWER)
    usage: dict[str, Any] = field(
        default_factory=lambda: {
            "prompt_tokens": 500,
            "completion_tokens": 200,
            "total_tokens": 700,
            "prompt_cache_hit_tokens": 128,
        }
    )
    served: str = "fake-1017"
    finish: str = "stop"
    answered: int = 0

    def __call__(self, request: Request) -> Reply:
        """Answer a completion."""
        if not request.path.endswith("/chat/completions"):
            return json_reply({"error": {"message": "no such path"}}, 404)
        self.answered += 1
        return json_reply(self.completion(self.content))

    def completion(self, content: object, **changed: object) -> dict[str, Any]:
        """Return the document of a completion."""
        message = {"role": "assistant", "content": content}
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1759190400,
            "model": self.served,
            "choices": [{"index": 0, "finish_reason": self.finish, "message": message}],
            "usage": self.usage,
            **changed,
        }

    def says(self, content: object, **changed: object) -> Fault:
        """Answer with other words, once; they are paid for too."""

        def fault(request: Request, respond: Respond) -> Reply:
            self.answered += 1
            return json_reply(self.completion(content, **changed))

        return fault


def asked(request: Request) -> dict[str, Any]:
    """Return what a request's body asked for."""
    found: dict[str, Any] = json.loads(request.body)
    return found
