"""The providers' own SDKs for Python as a peer of the tests: one JSON object a line in, one out; see peer.mjs."""

import importlib
import json
import sys
from datetime import datetime, timezone
from types import SimpleNamespace
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


def insensitive(headers):
    """The headers as a web framework hands them over: found by a name in any case."""
    from requests.structures import CaseInsensitiveDict

    return CaseInsensitiveDict(headers)


class Square:
    @staticmethod
    def verify(helper, ask):
        signature = ask["headers"]["x-square-hmacsha256-signature"]
        given = {"signature_header": signature, "signature_key": ask["secret"], "notification_url": ask["url"]}
        return helper.verify_signature(request_body=ask["body"], **given)


class Line:
    @staticmethod
    def verify(webhook, ask):
        return webhook.SignatureValidator(ask["secret"]).validate(ask["body"], ask["headers"]["x-line-signature"])


class Paddle:
    @staticmethod
    def verify(notifications, ask):
        request = SimpleNamespace(headers=insensitive(ask["headers"]), body=ask["body"].encode())
        return notifications.Verifier(300).verify(request, notifications.Secret(ask["secret"]))


class Telnyx:
    @staticmethod
    def verify(telnyx, ask):
        client = telnyx.Telnyx(api_key="unused", public_key=ask["secret"])
        return passes(lambda: client.webhooks.unwrap(ask["body"], headers=ask["headers"]))


class HubSpot:
    @staticmethod
    def sign(signature, ask, version="v1", name="x-hubspot-signature"):
        at = str(ask["at"] * 1000)
        made = signature.Signature.get_signature(ask["secret"], ask["body"], version, ask["url"], "POST", at)
        return {name: made, **({"x-hubspot-request-timestamp": at} if version == "v3" else {})}

    @staticmethod
    def verify(signature, ask, version="v1", name="x-hubspot-signature"):
        headers = ask["headers"]
        given = {"http_uri": ask["url"], "signature_version": version, "timestamp": headers.get("x-hubspot-request-timestamp")}
        return signature.Signature.is_valid(headers[name], ask["secret"], ask["body"], **given)


class HubSpotV2(HubSpot):
    @classmethod
    def sign(cls, signature, ask):
        return HubSpot.sign(signature, ask, "v2")

    @classmethod
    def verify(cls, signature, ask):
        return HubSpot.verify(signature, ask, "v2")


class HubSpotV3(HubSpot):
    @classmethod
    def sign(cls, signature, ask):
        return HubSpot.sign(signature, ask, "v3", "x-hubspot-signature-v3")

    @classmethod
    def verify(cls, signature, ask):
        return HubSpot.verify(signature, ask, "v3", "x-hubspot-signature-v3")


class OpenAi:
    @staticmethod
    def verify(openai, ask):
        client = openai.OpenAI(api_key="unused", webhook_secret=ask["secret"])
        return passes(lambda: client.webhooks.verify_signature(ask["body"], ask["headers"]))


class Anthropic:
    @staticmethod
    def verify(anthropic, ask):
        client = anthropic.Anthropic(api_key="unused", webhook_key=ask["secret"])
        return passes(lambda: client.beta.webhooks.unwrap(ask["body"], headers=ask["headers"]))


class Lithic:
    @staticmethod
    def verify(lithic, ask):
        client = lithic.Lithic(api_key="unused", webhook_secret=ask["secret"])
        return passes(lambda: client.webhooks.verify_signature(ask["body"], ask["headers"]))


class Orb:
    @staticmethod
    def verify(orb, ask):
        client = orb.Orb(api_key="unused", webhook_secret=ask["secret"])
        return passes(lambda: client.webhooks.verify_signature(ask["body"], ask["headers"]))


class ModernTreasury:
    @staticmethod
    def client(modern_treasury, ask):
        return modern_treasury.ModernTreasury(api_key="unused", organization_id="unused", webhook_key=ask["secret"])

    @classmethod
    def sign(cls, modern_treasury, ask):
        return {"x-signature": cls.client(modern_treasury, ask).webhooks.get_signature(ask["body"])}

    @classmethod
    def verify(cls, modern_treasury, ask):
        return cls.client(modern_treasury, ask).webhooks.validate_signature(ask["body"], ask["headers"])


class Adyen:
    @staticmethod
    def sign(util, ask):
        return {"hmacsignature": util.generate_payload_sig(ask["body"].encode(), ask["secret"]).decode()}

    @staticmethod
    def verify(util, ask):
        return util.is_valid_hmac_payload(ask["headers"]["hmacsignature"], ask["secret"], ask["body"].encode())


class AdyenItem:
    @staticmethod
    def body(util, ask):
        signed = json.loads(ask["body"])
        item = signed["notificationItems"][0]["NotificationRequestItem"]
        item["additionalData"] = {"hmacSignature": util.generate_notification_sig(item, ask["secret"]).decode()}
        return json.dumps(signed, separators=(",", ":"))

    @staticmethod
    def verify(util, ask):
        return util.is_valid_hmac_notification(json.loads(ask["body"]), ask["secret"])


class GoCardless:
    @staticmethod
    def verify(webhooks, ask):
        return passes(lambda: webhooks.parse(ask["body"], ask["secret"], ask["headers"]["webhook-signature"]))


class EasyPost:
    @staticmethod
    def verify(util, ask):
        return passes(lambda: util.validate_webhook(ask["body"].encode(), insensitive(ask["headers"]), ask["secret"]))


class MessageBird:
    @staticmethod
    def verify(validator, ask):
        token, body = ask["headers"]["messagebird-signature-jwt"], ask["body"].encode()
        return passes(lambda: validator.RequestValidator(ask["secret"]).validate_signature(token, ask["url"], body))


class Box:
    @staticmethod
    def sign(managers, ask):
        from box_sdk_gen.internal.utils import compute_webhook_signature

        at = datetime.fromtimestamp(ask["at"], timezone.utc).isoformat()
        named = {"timestamp": at, "version": "1", "algorithm": "HmacSHA256"}
        headers = {f"box-{'delivery' if name == 'timestamp' else 'signature'}-{name}": value for name, value in named.items()}
        return {**headers, "box-signature-primary": compute_webhook_signature(ask["body"], headers, ask["secret"])}

    @staticmethod
    def verify(managers, ask):
        return managers.WebhooksManager.validate_message(ask["body"], ask["headers"], ask["secret"])


class CoinbaseCommerce:
    @staticmethod
    def verify(webhook, ask):
        signature = ask["headers"]["x-cc-webhook-signature"]
        return webhook.WebhookSignature.verify_sig_header(ask["body"], signature, ask["secret"])


class LiveKit:
    @staticmethod
    def verify(api, ask):
        receiver = api.WebhookReceiver(api.TokenVerifier("api-key", ask["secret"]))
        return passes(lambda: receiver.receive(ask["body"], ask["headers"]["authorization"]))


class Mailtrap:
    @staticmethod
    def verify(webhooks, ask):
        return webhooks.verify_signature(ask["body"], ask["headers"]["mailtrap-signature"], ask["secret"])


class Hook0:
    @staticmethod
    def verify(hook0, ask):
        signature, body = ask["headers"]["x-hook0-signature"], ask["body"].encode()
        return hook0.verify_webhook_signature(signature, body, ask["headers"], ask["secret"], 300)


class Replicate:
    @staticmethod
    def verify(webhook, ask):
        secret = webhook.WebhookSigningSecret(key=ask["secret"])
        return passes(lambda: webhook.Webhooks.validate(headers=ask["headers"], body=ask["body"], secret=secret))


class Resend:
    @staticmethod
    def verify(resend, ask):
        headers = {name: ask["headers"][f"svix-{name}"] for name in ("id", "timestamp", "signature")}
        given = {"payload": ask["body"], "headers": headers, "webhook_secret": ask["secret"]}
        return passes(lambda: resend.Webhooks.verify(given))


class Retell:
    @staticmethod
    def sign(auth, ask):
        return {"x-retell-signature": auth.symmetric["sign"](ask["body"], ask["secret"], ask["at"] * 1000)}

    @staticmethod
    def verify(auth, ask):
        return auth.verify(ask["body"], ask["secret"], ask["headers"]["x-retell-signature"])


class WorkOs:
    @staticmethod
    def verify(verification, ask):
        given = {"event_signature": ask["headers"]["workos-signature"], "secret": ask["secret"]}
        return passes(lambda: verification.verify_header(event_body=ask["body"].encode(), **given))


class Cloudinary:
    @staticmethod
    def verify(cloudinary, ask, algorithm="sha1"):
        from cloudinary.utils import verify_notification_signature

        cloudinary.config(api_secret=ask["secret"])
        headers = ask["headers"]
        at, signature = headers["x-cld-timestamp"], headers["x-cld-signature"]
        return verify_notification_signature(ask["body"], at, signature, algorithm=algorithm)


class CloudinarySha256(Cloudinary):
    @staticmethod
    def verify(cloudinary, ask):
        return Cloudinary.verify(cloudinary, ask, "sha256")


class Polar:
    @staticmethod
    def verify(webhooks, ask):
        # With no types to know, whatever is verified ends in the error of an unknown type.
        try:
            webhooks.validate_event(ask["body"], ask["headers"], ask["secret"], frozenset(), dict)
        except webhooks.PolarWebhookUnknownTypeError:
            return True
        return False


class Onfido:
    @staticmethod
    def verify(onfido, ask):
        verifier = onfido.WebhookEventVerifier(ask["secret"])
        return passes(lambda: verifier.read_payload(ask["body"], ask["headers"]["x-sha2-signature"]))


class Stream:
    @staticmethod
    def verify(webhook, ask):
        return webhook.verify_signature(ask["body"], ask["headers"]["x-signature"], ask["secret"])


class Finch:
    @staticmethod
    def verify(finch, ask):
        client = finch.Finch(access_token="unused", webhook_secret=ask["secret"])
        return passes(lambda: client.webhooks.verify_signature(ask["body"], ask["headers"]))


class DodoPayments:
    @staticmethod
    def verify(dodopayments, ask):
        client = dodopayments.DodoPayments(bearer_token="unused", webhook_key=ask["secret"])
        return passes(lambda: client.webhooks.unwrap(ask["body"], headers=ask["headers"]))


class ImageKit:
    @staticmethod
    def verify(imagekitio, ask):
        client = imagekitio.ImageKit(private_key="unused", webhook_secret=ask["secret"])
        return passes(lambda: client.webhooks.unwrap(ask["body"], headers=ask["headers"]))


class CloudConvert:
    @staticmethod
    def verify(webhook, ask):
        return webhook.Webhook.verify(ask["body"], ask["headers"]["cloudconvert-signature"], ask["secret"])


class Vonage:
    @staticmethod
    def verify(vonage_jwt, ask):
        import hashlib

        import jwt

        token = ask["headers"]["authorization"].removeprefix("Bearer ")
        if not vonage_jwt.verify_signature(token, ask["secret"]):
            return False
        claims = jwt.decode(token, options={"verify_signature": False})
        return claims["payload_hash"] == hashlib.sha256(ask["body"].encode()).hexdigest()


class PlivoGet:
    @staticmethod
    def verify(plivo, ask):
        headers = ask["headers"]
        nonce, signature = headers["x-plivo-signature-v3-nonce"], headers["x-plivo-signature-v3"]
        return plivo.validate_v3_signature("GET", ask["url"], nonce, ask["secret"], signature)


class Inngest:
    @staticmethod
    def sign(net, ask):
        return {"x-inngest-signature": net.sign_request(ask["body"].encode(), ask["secret"], ask["at"])}

    @staticmethod
    def verify(net, ask):
        from inngest._internal.server_lib import ServerKind

        given = {"body": ask["body"].encode(), "headers": ask["headers"], "mode": ServerKind.CLOUD}
        # What it refuses it does not raise, but gives back.
        said = net.validate_request_sig(**given, signing_key=ask["secret"], signing_key_fallback=None)
        return not isinstance(said, Exception)


class Gr4vy:
    @staticmethod
    def verify(webhooks, ask):
        signatures, at = (ask["headers"][f"x-gr4vy-webhook-{name}"] for name in ("signatures", "timestamp"))
        return passes(lambda: webhooks.verify_webhook(ask["body"], ask["secret"], signatures, at, 300))


class Liveblocks:
    @staticmethod
    def verify(webhooks, ask):
        # None of these kinds of events is one that it knows, which it says after it has verified.
        try:
            webhooks.WebhookHandler(ask["secret"]).verify_request(headers=ask["headers"], raw_body=ask["body"])
        except ValueError as error:
            return str(error).startswith("Unknown event type")
        return False


class Mailgun:
    @staticmethod
    def verify(security, ask):
        signed = json.loads(ask["body"])["signature"]
        return security.SecurityGuard.verify_webhook(ask["secret"], signed["token"], signed["timestamp"], signed["signature"])


class BoldSign:
    @staticmethod
    def verify(utility, ask):
        signature = ask["headers"]["x-boldsign-signature"]
        return passes(lambda: utility.WebhookUtility.validate_signature(ask["body"], signature, ask["secret"]))


class Worldline:
    @staticmethod
    def verify(webhooks, ask):
        from onlinepayments.sdk.communication.request_header import RequestHeader
        from onlinepayments.sdk.webhooks.signature_validator import SignatureValidator

        store = SimpleNamespace(get_secret_key={"key-1": ask["secret"]}.__getitem__)
        headers = [RequestHeader(name, value) for name, value in ask["headers"].items()]
        return passes(lambda: SignatureValidator(store).validate(ask["body"].encode(), headers))


class PubSub:
    """What this SDK would fetch is the key of the test."""

    @staticmethod
    def verify(id_token, ask):
        keys = SimpleNamespace(status=200, data=ask["secret"].encode())
        token = ask["headers"]["authorization"].removeprefix("Bearer ")
        claims = id_token.verify_oauth2_token(token, lambda *_, **__: keys, "https://push.example.com")
        return claims["email"] == "push@example.com" and claims["email_verified"]


class Increase:
    @staticmethod
    def verify(increase, ask):
        client = increase.Increase(api_key="unused", webhook_secret=ask["secret"])
        return passes(lambda: client.events.unwrap(ask["body"], headers=ask["headers"]))


ADAPTERS = {
    "inngest": ("inngest._internal.net", Inngest),
    "increase": ("increase", Increase),
    "gr4vy": ("gr4vy.webhooks", Gr4vy),
    "liveblocks": ("liveblocks.webhooks", Liveblocks),
    "mailgun": ("mailgun.security", Mailgun),
    "boldsign": ("boldsign.webhook_utility", BoldSign),
    "worldline": ("onlinepayments.sdk.webhooks", Worldline),
    "pubsub": ("google.oauth2.id_token", PubSub),
    "onfido": ("onfido.webhook_event_verifier", Onfido),
    "getstream": ("stream_chat.webhook", Stream),
    "finch": ("finch", Finch),
    "dodo-payments": ("dodopayments", DodoPayments),
    "imagekit": ("imagekitio", ImageKit),
    "cloudconvert": ("cloudconvert.webhook", CloudConvert),
    "vonage": ("vonage_jwt", Vonage),
    "square": ("square.utils.webhooks_helper", Square),
    "line": ("linebot.v3.webhook", Line),
    "paddle": ("paddle_billing.Notifications", Paddle),
    "telnyx": ("telnyx", Telnyx),
    "hubspot-v1": ("hubspot.utils.signature", HubSpot),
    "hubspot-v2": ("hubspot.utils.signature", HubSpotV2),
    "hubspot-v3": ("hubspot.utils.signature", HubSpotV3),
    "openai": ("openai", OpenAi),
    "anthropic": ("anthropic", Anthropic),
    "lithic": ("lithic", Lithic),
    "orb": ("orb", Orb),
    "modern-treasury": ("modern_treasury", ModernTreasury),
    "adyen": ("Adyen.util", Adyen),
    "adyen-item": ("Adyen.util", AdyenItem),
    "gocardless": ("gocardless_pro.webhooks", GoCardless),
    "easypost": ("easypost.util", EasyPost),
    "messagebird": ("messagebird.request_validator", MessageBird),
    "box": ("box_sdk_gen.managers.webhooks", Box),
    "coinbase-commerce": ("coinbase_commerce.webhook", CoinbaseCommerce),
    "livekit": ("livekit.api", LiveKit),
    "mailtrap": ("mailtrap.webhooks", Mailtrap),
    "hook0": ("hook0", Hook0),
    "replicate": ("replicate.webhook", Replicate),
    "resend": ("resend", Resend),
    "retell": ("retell.lib.webhook_auth", Retell),
    "workos": ("workos.webhooks._verification", WorkOs),
    "cloudinary-sha1": ("cloudinary", Cloudinary),
    "cloudinary-sha256": ("cloudinary", CloudinarySha256),
    "polar": ("polar.webhooks", Polar),
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
    "plivo-get": ("plivo.utils", PlivoGet),
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
