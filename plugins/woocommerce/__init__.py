"""WooCommerce: stores that run on the merchant's own WordPress."""

from plugins.woocommerce.platform import WooCommerce

PLATFORM = WooCommerce
