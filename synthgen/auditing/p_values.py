"""P-values as words."""


def p_text(value: float) -> str:
    """Write a p-value, such as 'p = 0.012' or 'p < 0.001': never as 0, which none is."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}" if value < 0.1 else f"p = {value:.2f}"
