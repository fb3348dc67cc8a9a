"""The Atlas: analyses of weights, of experts at work and of routing, each a page that follows layer and expert."""
