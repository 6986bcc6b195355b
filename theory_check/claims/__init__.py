"""The catalogue of claims, one module for each regime. Claims never simulate and never draw."""
