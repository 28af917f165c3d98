"""The five vendors, one file each."""

from exporter.demo.vendors.agiletelecom import AgileTelecom
from exporter.demo.vendors.base import Snapshot, Vendor
from exporter.demo.vendors.impressionwise import Impressionwise
from exporter.demo.vendors.leadmagic import LeadMagic
from exporter.demo.vendors.oceanio import OceanIo
from exporter.demo.vendors.trueverify import TrueVerify

__all__ = ["AgileTelecom", "Impressionwise", "LeadMagic", "OceanIo", "Snapshot", "TrueVerify", "Vendor"]
