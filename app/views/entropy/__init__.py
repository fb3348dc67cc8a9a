"""The Entropy view: how evenly routers spread their weight, layer by layer."""
