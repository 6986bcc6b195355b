"""A small run record with every kind of panel, verdict and open end, made up without simulation."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import numpy as np
from PIL import Image

from theory_check.findings.circumstances import Circumstances
from theory_check.findings.pictures import Band, Curve, HistogramPanel, PathPanel, Picture, PictureText, RatePanel
from theory_check.findings.run import ClaimFinding, Finding, RegimeReport, RunRecord, VariantFinding
from theory_check.inference.verdicts import Verdict
from theory_check.reporting.summary import describe


def make_finding(
    point: str = "E4/gaussian-d40",
    *,
    estimate: float = 0.474712,
    lower: float = 0.473136,
    upper: float = 0.476293,
    target: float | tuple[float, float] = 0.47506,
    margin: float = 0.005,
    remainder: float = 0.0,
    resolution: float = 0.00312,
    verdict: Verdict = "supported",
    variant_verdict: Verdict = "refuted",
    log_evidence: float = -2.75,
    quantity: str = r"$\mathbb{E} \log R$",
) -> Finding:
    low, high = target if isinstance(target, tuple) else (target, target)
    variants = tuple(
        VariantFinding(
            name=f"mean {word} by twice the margin, $|b| = 2\\delta$",
            target_lower=low + sign * 2 * margin,
            target_upper=high + sign * 2 * margin,
            distance=2.0,
            estimate=estimate,
            lower=lower,
            upper=upper,
            verdict=variant_verdict,
        )
        for word, sign in (("lowered", -1), ("raised", 1))
    )
    return Finding(
        id=point,
        network="res-3, width 40, depth 200, rademacher, beta 0.5",
        quantity=quantity,
        method="Catoni interval | proved variance",
        estimate=estimate,
        lower=lower,
        upper=upper,
        target_lower=low,
        target_upper=high,
        remainder=remainder,
        margin=margin,
        exact=remainder == 0,
        level=1.25e-5,
        miss_rate=0.01,
        resolution=resolution,
        verdict=verdict,
        replicates=10_000,
        planned=20_000,
        log_evidence=log_evidence,
        variants=variants,
    )


def make_claim(identifier: str, *findings: Finding, title: str = "Lognormal limit of $\\|h_L\\|$") -> ClaimFinding:
    return ClaimFinding(
        id=identifier,
        regime="critical",
        title=title,
        statement=r"At $\beta = 1/2$ the log ratio $\log \|h_L\|^2/|h_0|^2$ is nearly Gaussian | for every law.",
        formula=r"\log R \to \mathcal{N}\left(\kappa (1 - 2/d),\; 4\kappa/d\right)",
        source="Scaling ResNets in the Large-depth Regime, Theorem 4",
        findings=findings,
    )


def make_picture(name: str = "critical-laws", seed: int = 1) -> Picture:
    rng = np.random.default_rng(seed)
    values = 0.475 + 0.22 * rng.standard_normal(20_000)
    x = np.linspace(-0.6, 1.6, 400)
    gauss = np.exp(-((x - 0.475) ** 2) / (2 * 0.22**2)) / (0.22 * math.sqrt(2 * math.pi))
    wide = np.exp(-((x - 0.475) ** 2) / (2 * 0.27**2)) / (0.27 * math.sqrt(2 * math.pi))
    depth = np.array([10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0])
    linear, critical = 0.9 / depth, 0.63 + 0.2 / depth
    paths = np.cumsum(rng.standard_normal((150, 500)), axis=1) / math.sqrt(500)
    position = np.linspace(0, 1, 500)
    spread = 2 * np.sqrt(position)
    noise = rng.normal(1, 0.03, 6)
    return Picture(
        name,
        r"Left: law of $\log R$ at $\beta = 1/2$. Middle: mean displacement. Right: paths [of] the **state**.",
        (
            HistogramPanel(
                r"Law of $\log R$, res-3, $d = 40$, $L = 200$",
                r"$\log(\|h_L\|^2 / \|h_0\|^2)$",
                values,
                (
                    Curve(r"limit $\mathcal{N}(\kappa(1-2/d),\ 4\kappa/d)$", x, gauss),
                    Curve("twice the excess variance", x, wide),
                ),
            ),
            RatePanel(
                "Mean displacement against depth",
                "depth $L$",
                r"$\mathbb{E} D$",
                (
                    Band(r"$\beta = 1$", depth, linear * noise, linear * noise * 0.85, linear * noise * 1.15),
                    Band(r"$\beta = 1/2$", depth, critical, critical * 0.9, critical * 1.1),
                    Band(
                        "vanishing", depth[:2], np.array([0.02, 0.01]), np.array([-0.01, 0.004]), np.array([0.05, 0.02])
                    ),
                ),
                (
                    Curve(r"$(1+\kappa/L^2)^L - 1$", depth, linear),
                    Curve(r"$(1+\kappa/L)^L - 1$", depth, critical),
                    Curve("slope $-1$", depth, 0.2 / depth),
                ),
            ),
            PathPanel(
                "First coordinate along the network",
                "layer $k/L$",
                r"$h_k^{(1)}$",
                position,
                paths,
                (Curve("two standard deviations", position, spread), Curve("the same below", position, -spread)),
            ),
        ),
    )


def text_of(picture: Picture) -> PictureText:
    return PictureText(picture.name, picture.caption, describe(picture))


def small_png() -> bytes:
    """A picture that costs nothing to draw."""
    pixels = io.BytesIO()
    Image.new("P", (4, 4)).save(pixels, format="png")
    return pixels.getvalue()


def make_pictures() -> tuple[Picture, ...]:
    """The pictures that the record names."""
    return make_picture(), Picture("explosion", "One panel.", (make_picture(seed=2).panels[1],))


def make_record(*, only_supported: bool = False) -> RunRecord:
    good = make_claim(
        "E4",
        make_finding(),
        make_finding("E4/rademacher-d40", estimate=0.4731, lower=0.4702, upper=0.4759, remainder=3.1e-4),
    )
    tail = make_claim(
        "P2",
        make_finding(
            "P2/linear-d40",
            estimate=0.97,
            lower=0.95,
            upper=math.inf,
            target=(0.9, math.inf),
            quantity=r"$\mathbb{P}(\sqrt{D} > 10)$",
        ),
        make_finding("P2/small", estimate=2.4e-8, lower=-math.inf, upper=3.1e-7, target=(-math.inf, 1e-6)),
        title="Explosion below $\\beta = 1/2$",
    )
    bad = make_claim(
        "E1",
        make_finding("E1/uniform-d8", target=0.4951, margin=0.01, verdict="refuted"),
        make_finding(
            "E1/student-d8",
            estimate=1.2e9,
            lower=3.0e8,
            upper=4.1e9,
            target=2.0e9,
            margin=2e8,
            resolution=9e8,
            verdict="inconclusive",
            variant_verdict="inconclusive",
        ),
        make_finding("E1/unbounded", lower=-math.inf, upper=math.inf, resolution=math.inf, verdict="inconclusive"),
        title="Exact means",
    )
    critical = RegimeReport(
        "critical",
        r"Critical scaling, $\beta = 1/2$",
        r"Output and input stay comparable: the network is a *diffusion* in the depth.",
        r"h_{k+1} = h_k + L^{-1/2} V_{k+1} g(h_k)",
        (text_of(make_pictures()[0]),),
        (good,) if only_supported else (good, bad),
    )
    explosive = RegimeReport(
        "explosive",
        "Explosion",
        "The output grows without bound.",
        r"\sqrt{D} \to \infty",
        (text_of(make_pictures()[1]),),
        (tail,),
    )
    return RunRecord(
        profile="quick",
        seed=42,
        family_level=1e-3,
        simulated_layers=3_412_000_000,
        simulated_networks=1_234_567,
        regimes=(critical, explosive),
        run=Circumstances(
            started="2025-01-02T03:04:05+00:00",
            duration=252.4,
            threads=2,
            machine="Linux x86_64, 2 cores",
            versions={"python": "3.11.7", "theory_check": "0.1.0", "numpy": "2.1.0"},
            seconds={f.id: 1.5 for claim in (good, bad, tail) for f in claim.findings},
        ),
    )


def with_other_circumstances(record: RunRecord) -> RunRecord:
    """The same conclusions reached another day, slower and elsewhere."""
    return replace(
        record,
        run=Circumstances(
            started="2026-07-08T09:10:11+00:00",
            duration=9999.0,
            threads=8,
            machine="another machine",
            versions={"python": "3.13.1"},
            seconds={point: 7 * seconds for point, seconds in record.run.seconds.items()},
        ),
    )
