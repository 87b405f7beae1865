"""What a door station asks SIP Core for, in the lab's Home Assistant.

Its two answers and nothing else: the settings as they are in sip-core.json beside configuration.yaml at the time they are asked for,
and that there is no Supervisor and hence no add-on with an ingress.
"""

import json
from http import HTTPStatus
from pathlib import Path

import homeassistant.helpers.config_validation as cv
from homeassistant.components.http import HomeAssistantView

DOMAIN = "sip_core_stand_in"
CONFIG_SCHEMA = cv.empty_config_schema(DOMAIN)


class ConfigView(HomeAssistantView):
    """SIP Core's settings."""

    url = "/api/sip-core/config"
    name = "api:sip-core:config"

    def __init__(self, hass):
        """Remember whose settings they are."""
        self.hass = hass
        self.path = Path(hass.config.path("sip-core.json"))

    async def get(self, request):
        """Answer with the settings, or that there are none."""
        try:
            text = await self.hass.async_add_executor_job(self.path.read_text)
        except FileNotFoundError:
            return self.json({"error": "No configuration found"}, HTTPStatus.INTERNAL_SERVER_ERROR)
        return self.json(json.loads(text))


class IngressView(HomeAssistantView):
    """The way to the Asterisk add-on."""

    url = "/api/sip-core/asterisk-ingress"
    name = "api:sip-core:asterisk-ingress"

    async def get(self, request):
        """Answer as where there is no Supervisor."""
        return self.json({"error": "supervisor not available"}, HTTPStatus.SERVICE_UNAVAILABLE)


async def async_setup(hass, config):
    """Serve both."""
    hass.http.register_view(ConfigView(hass))
    hass.http.register_view(IngressView())
    return True
