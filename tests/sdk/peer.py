"""The providers' own SDKs for Python as a peer of the tests: one JSON object a line in, one out; see peer.mjs."""

import importlib
import json
import sys
from datetime import datetime, timezone


def passes(call):
    """Whether a function that raises on a refusal came back."""
    call()
    return True


class Stripe:
    @staticmethod
    def sign(stripe, ask):
        header = stripe.WebhookSignature.generate_signature_header(ask["body"], ask["secret"], timestamp=ask["at"])
        return {"stripe-signature": header}

    @staticmethod
    def verify(stripe, ask):
        return passes(lambda: stripe.Webhook.construct_event(ask["body"], ask["headers"]["stripe-signature"], ask["secret"]))


class Standard:
    prefix = "webhook"

    @classmethod
    def sign(cls, module, ask):
        signed_at = datetime.fromtimestamp(ask["at"], timezone.utc)
        signature = module.Webhook(ask["secret"]).sign(ask["id"], signed_at, ask["body"])
        named = {"id": ask["id"], "timestamp": str(ask["at"]), "signature": signature}
        return {f"{cls.prefix}-{name}": value for name, value in named.items()}

    @staticmethod
    def verify(module, ask):
        return passes(lambda: module.Webhook(ask["secret"]).verify(ask["body"], ask["headers"]))


class Svix(Standard):
    prefix = "svix"


class Slack:
    @staticmethod
    def sign(signature, ask):
        at = str(ask["at"])
        made = signature.SignatureVerifier(ask["secret"]).generate_signature(timestamp=at, body=ask["body"])
        return {"x-slack-request-timestamp": at, "x-slack-signature": made}

    @staticmethod
    def verify(signature, ask):
        return signature.SignatureVerifier(ask["secret"]).is_valid_request(ask["body"], ask["headers"])


class Discord:
    @staticmethod
    def verify(discord, ask):
        headers = ask["headers"]
        signature, at = headers["x-signature-ed25519"], headers["x-signature-timestamp"]
        return discord.verify_key(ask["body"].encode(), signature, at, ask["secret"])


class SendGrid:
    @staticmethod
    def verify(eventwebhook, ask):
        headers = ask["headers"]
        signature = headers["x-twilio-email-event-webhook-signature"]
        at = headers["x-twilio-email-event-webhook-timestamp"]
        return eventwebhook.EventWebhook(ask["secret"]).verify_signature(ask["body"], signature, at)


class Pusher:
    @staticmethod
    def verify(pusher, ask):
        client = pusher.Pusher(app_id="1", key="app-key", secret=ask["secret"], cluster="eu")
        headers = ask["headers"]
        return client.validate_webhook(headers["x-pusher-key"], headers["x-pusher-signature"], ask["body"]) is not None


class Razorpay:
    @staticmethod
    def verify(razorpay, ask):
        utility = razorpay.Client(auth=("unused", "unused")).utility
        return utility.verify_webhook_signature(ask["body"], ask["headers"]["x-razorpay-signature"], ask["secret"]) is not False


ADAPTERS = {
    "stripe": ("stripe", Stripe),
    "standardwebhooks": ("standardwebhooks", Standard),
    "svix": ("svix.webhooks", Svix),
    "slack": ("slack_sdk.signature", Slack),
    "discord": ("discord_interactions", Discord),
    "sendgrid": ("sendgrid.helpers.eventwebhook", SendGrid),
    "pusher": ("pusher", Pusher),
    "razorpay": ("razorpay", Razorpay),
}


def answer(ask):
    module, adapter = ADAPTERS[ask["adapter"]]
    sdk = importlib.import_module(module)
    if ask["op"] == "sign":
        return {"headers": adapter.sign(sdk, ask)}
    try:
        return {"verified": adapter.verify(sdk, ask) is True}
    except (ImportError, AttributeError, TypeError, NameError):
        # A fault of the adapter or of the installation must not pass for a refusal.
        raise
    except Exception:
        return {"verified": False}


def main():
    # Answers alone go to the real standard output: an SDK that prints must not be taken for one.
    replies, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line))
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


main()
