"""The bridge's settings without the trail: what the trail adds is the difference."""

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS as WITH

INSTALLED_APPS = [app for app in WITH if app != "audit"]
