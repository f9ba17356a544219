"""The providers' own SDKs for Python as a peer of the tests: one JSON object a line in, one out; see peer.mjs."""

import importlib
import json
import sys
from datetime import datetime, timezone
from urllib.parse import parse_qs, parse_qsl, urlencode


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


class TwilioForm:
    @staticmethod
    def parameters(body):
        from werkzeug.datastructures import MultiDict

        return MultiDict(parse_qsl(body, keep_blank_values=True))

    @classmethod
    def sign(cls, validator, ask):
        made = validator.RequestValidator(ask["secret"]).compute_signature(ask["url"], cls.parameters(ask["body"]))
        return {"x-twilio-signature": made}

    @classmethod
    def verify(cls, validator, ask):
        signature = ask["headers"]["x-twilio-signature"]
        return validator.RequestValidator(ask["secret"]).validate(ask["url"], cls.parameters(ask["body"]), signature)


class TwilioJson:
    @staticmethod
    def query(validator, ask):
        return "bodySHA256=" + validator.RequestValidator(ask["secret"]).compute_hash(ask["body"])

    @classmethod
    def sign(cls, validator, ask):
        url = f"{ask['url']}?{cls.query(validator, ask)}"
        return {"x-twilio-signature": validator.RequestValidator(ask["secret"]).compute_signature(url, {})}

    @staticmethod
    def verify(validator, ask):
        signature = ask["headers"]["x-twilio-signature"]
        return validator.RequestValidator(ask["secret"]).validate(ask["url"], ask["body"], signature)


class Viber:
    @staticmethod
    def verify(viberbot, ask):
        configuration = viberbot.BotConfiguration(auth_token=ask["secret"], name="unused", avatar="unused")
        return viberbot.Api(configuration).verify_signature(ask["body"].encode(), ask["headers"]["x-viber-content-signature"])


class Smartcar:
    @staticmethod
    def verify(smartcar, ask):
        return smartcar.verify_payload(ask["secret"], ask["headers"]["sc-signature"], ask["body"])


class Qstash:
    @staticmethod
    def verify(qstash, ask):
        receiver = qstash.Receiver(current_signing_key=ask["secret"], next_signing_key=ask["secret"])
        signature = ask["headers"]["upstash-signature"]
        return passes(lambda: receiver.verify(signature=signature, body=ask["body"], url=ask["url"]))


class Scrapfly:
    @staticmethod
    def verify(scrapfly, ask):
        handler = scrapfly.ResponseBodyHandler(signing_secrets=ask["secret"])
        return handler.verify(ask["body"].encode(), ask["headers"]["x-scrapfly-webhook-signature"])


class Sinch:
    @staticmethod
    def sign(validation, ask):
        at, nonce = str(ask["at"]), ask["id"]
        signed = validation.compute_signed_data(ask["body"], nonce, at)
        named = {"": validation.calculate_sinch_event_signature(signed, ask["secret"]), "-nonce": nonce, "-timestamp": at}
        return {f"x-sinch-webhook-signature{name}": value for name, value in named.items()}

    @staticmethod
    def verify(validation, ask):
        return validation.validate_sinch_event_signature_with_nonce(ask["secret"], ask["headers"], ask["body"])


class ElevenLabs:
    @staticmethod
    def verify(elevenlabs, ask):
        webhooks = elevenlabs.ElevenLabs(api_key="unused").webhooks
        return passes(lambda: webhooks.construct_event(ask["body"], ask["headers"]["elevenlabs-signature"], ask["secret"]))


class Braintree:
    @staticmethod
    def gateway(braintree, ask):
        keys = {"public_key": "public-key", "private_key": ask["secret"]}
        return braintree.BraintreeGateway(
            braintree.Configuration(environment=braintree.Environment.Sandbox, merchant_id="unused", **keys)
        )

    @classmethod
    def body(cls, braintree, ask):
        kind, made_id = ask["body"].split(" ")
        return urlencode(cls.gateway(braintree, ask).webhook_testing.sample_notification(kind, made_id))

    @classmethod
    def verify(cls, braintree, ask):
        fields = dict(parse_qsl(ask["body"]))
        return passes(lambda: cls.gateway(braintree, ask).webhook_notification.parse(fields["bt_signature"], fields["bt_payload"]))


class Plivo:
    @staticmethod
    def verify(plivo, ask):
        headers, params = ask["headers"], parse_qs(ask["body"], keep_blank_values=True)
        nonce, signature = headers["x-plivo-signature-v3-nonce"], headers["x-plivo-signature-v3"]
        return plivo.validate_v3_signature("POST", ask["url"], nonce, ask["secret"], signature, params)


ADAPTERS = {
    "stripe": ("stripe", Stripe),
    "standardwebhooks": ("standardwebhooks", Standard),
    "svix": ("svix.webhooks", Svix),
    "slack": ("slack_sdk.signature", Slack),
    "discord": ("discord_interactions", Discord),
    "sendgrid": ("sendgrid.helpers.eventwebhook", SendGrid),
    "pusher": ("pusher", Pusher),
    "razorpay": ("razorpay", Razorpay),
    "twilio-form": ("twilio.request_validator", TwilioForm),
    "twilio-json": ("twilio.request_validator", TwilioJson),
    "viber": ("viberbot", Viber),
    "smartcar": ("smartcar", Smartcar),
    "qstash": ("qstash", Qstash),
    "sinch": ("sinch.domains.authentication.sinch_events.v1.authentication_validation", Sinch),
    "elevenlabs": ("elevenlabs", ElevenLabs),
    "braintree": ("braintree", Braintree),
    "plivo": ("plivo.utils", Plivo),
    "scrapfly": ("scrapfly.api_response", Scrapfly),
}


def answer(ask):
    module, adapter = ADAPTERS[ask["adapter"]]
    sdk = importlib.import_module(module)
    if ask["op"] == "sign" and hasattr(adapter, "body"):
        return {"body": adapter.body(sdk, ask)}
    if ask["op"] == "sign":
        query = adapter.query(sdk, ask) if hasattr(adapter, "query") else None
        return {"headers": adapter.sign(sdk, ask), "query": query}
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
