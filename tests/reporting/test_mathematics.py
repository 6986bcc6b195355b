"""Mathematics in a line says what the LaTeX says."""

from __future__ import annotations

import pytest

from theory_check.reporting.mathematics import unicode_formula, unicode_text


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"\kappa a^2", "κa²"),
        (r"h_{k+1} = h_k + a_k\,V_{k+1}", "h_(k+1) = h_k + a_k V_(k+1)"),
        (r"a^{-2} L^{1-\beta} L^{2H} e^V h_0", "a⁻² L^(1-β) L^(2H) e^V h₀"),
        (r"R^*, D^{*}, h_1'", "R*, D*, h₁'"),
        (r"\|h^{(L)}\|^2_F", "‖h^(L)‖²_F"),
        (r"a\leq b \to c\ne d", "a ≤ b → c ≠ d"),
        (r"\beta> 1, D_\infty= O(1)", "β > 1, D_∞ = O(1)"),
        # What stands above or below a line is one factor.
        (r"\frac{e}{2L}", "e/(2L)"),
        (r"\frac{a+b}{d^2}", "(a+b)/d²"),
        (r"\frac{\partial h}{\partial V_{k+1}}", "∂h/∂V_(k+1)"),
        (r"\frac{\kappa(d-2i)}{2d}", "κ(d-2i)/(2d)"),
        (r"\tfrac12(1+S), \tfrac2d\bigl[x\bigr], \tfrac t2y", "½(1+S), 2/d [x], t/2 y"),
        (r"\frac{\frac{a}{b}}{\frac{c}{d}}", "a/b/(c/d)"),
        (r"\sqrt D, \sqrt{2\pi d}, \frac{1}{\sqrt{2d}}", "√D, √(2πd), 1/√(2d)"),
        # What a name is applied to ends where its bracket ends.
        (r"\log\frac{a}{b}, \log_2\frac{a+b}{c}", "log(a/b), log₂((a+b)/c)"),
        (r"d\log R + 2\max(a,b) - \log\log d", "d log R + 2 max(a,b) - log log d"),
        (r"\mathrm{relu}\,h, \rho\,\mathrm{arc}(c), f(\log R)", "relu h, ρ arc(c), f(log R)"),
        (r"\mathbb{E}\tanh^2(z)", "𝔼 tanh²(z)"),
        (r"(R^*) \overset{d}{=} (R)", "(R*) =^d (R)"),
        (r"a\ \text{(shared, } L^2 \text{ layers)}", "a (shared, L² layers)"),
        (r"\Bigl\Vert x\Bigr\Vert, |\det J|", "‖x‖, |det J|"),
        (r"\sqrt[3]{x+1}, 5% \text{ or } 5\%", "³√(x+1), 5% or 5%"),
        (r"\unheardof x", "unheardof x"),
        ("", ""),
    ],
)
def test_a_formula_in_a_line(latex, text):
    assert unicode_formula(latex) == text


@pytest.mark.parametrize("broken", [r"\frac{a", r"\frac", "a^", "a_", "}{", r"\text", r"\left("])
def test_what_is_no_latex_stands_as_it_is_or_without_its_signs(broken):
    assert unicode_formula(broken) in (broken, "(")


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        (r"At *most* **one** $L^{-1/2}$, see `network`", "At most one L^(-1/2), see network"),
        # Formulas in plain words stay as they are written.
        ("2 a u * b * c, R^* and D^*, chi2_{d-1}", "2 a u * b * c, R^* and D^*, chi2_{d-1}"),
        ("the price is 3$", "the price is 3$"),
        ("100% & more", "100% & more"),
    ],
)
def test_formulas_in_a_text(markdown, text):
    assert unicode_text(markdown) == text
