"""Command lines as Hypothesis draws them: a small command, with options that mean much, little or nothing."""

from __future__ import annotations

from hypothesis import strategies as st

from theory_check.cli import cli

#: What nobody should give, for any option.
ODD = (
    "", " ", "0", "-1", "1", "2", "3", "7", "1.5", "nan", "inf", "-inf", "1e400", "1e-320", "-0.0", "1e3",
    "100000000",
    "99999999999999999999", "18446744073709551615", "0x10", "1_0", "\uff11", "\u03c0", "\U0001f642", "None", "true",
    ",", ",,", "1,", "1,2", "2,1,1", "1:2",
    "1:2:3", "0:1:0", "0:1:100001", "0:1:1", "1:0:3", ":", "=", "a=b", "x:y=z", "x" * 300, "a\nb", "|", "<b>",
    "../..", ".",
    "/", "/proc/self/mem", "/dev/null", "/dev/full", "missing/file", "folder", "r", "own.py", "broken.py", "empty",
    "notes.txt",
    "dangling", "folder/x.npz", "x.png", "x.db", "%s", "{}", "$HOME", "'", '"', "-", "--", "\x7f",
)  # fmt: skip

BRANCHES = ("linear", "res-1", "res-2", "res-3", "res-4", "linear relu")
ACTIVATIONS = ("relu", "identity", "tanh", "leaky:slope=0.3", "leaky:slope=1", "leaky:slope=-1", "leaky:slope=nan",
    "leaky",
               "relu:slope=1", "leaky:slope=1e300")  # fmt: skip
WEIGHTS = (
    "gaussian", "uniform", "rademacher", "laplace", "exponential", "student:df=5", "student:df=4", "student:df=1e300",
    "student:df=2", "student:df=0", "sparse", "sparse:density=0", "sparse:density=1", "sparse:density=1e-300",
    "orthogonal",
    "tied", "triangular", "ternary", "truncated-normal", "truncated-normal:cut=0", "gaussian:variance=he",
    "gaussian:variance=lecun", "uniform:variance=pytorch", "gaussian:variance=0", "gaussian:variance=odd",
    "fgn:hurst=0.7",
    "fgn:hurst=0", "fgn:hurst=1", "fgn:hurst=0.999999", "fgn:hurst=1e-9", "fgn", "smooth:length=0.1",
    "smooth:length=1e-9",
    "smooth:length=1e9", "smooth-increments:length=0.1", "smooth-increments:length=0", "matern",
    "matern:smoothness=0.5",
    "periodic", "periodic:period=1e-9", "brownian", "gaussian:gaussian", "gaussian:", "gaussian:=",
    "gaussian:variance=",
    "gaussian:variance=he,variance=he", ":gaussian", "GAUSSIAN", "fgn:hurst=0.7,hurst=0.8", "fgn:hurst=0x1p-1",
)  # fmt: skip
INPUTS = ("gaussian", "sphere", "paper", "ones", "basis", "correlated:cosine=0.5", "correlated:cosine=1",
          "correlated:cosine=-1", "correlated:cosine=2", "correlated", "cube")  # fmt: skip

#: What means something, by option.
MEANT = {
    "--branch": BRANCHES, "--activation": ACTIVATIONS, "--weights": WEIGHTS, "--process": WEIGHTS, "--input": INPUTS,
    "--beta": ("0", "0.5", "1", "-1", "1e-300", "300", "-300", "40"), "--scale": ("1", "0", "-1", "1e300", "1e-300",
    "1,1,1", "0.1,0.2,0.3,0.4"),
    "--width": ("1", "2", "3", "5", "10", "64", "100", "101", "10001"), "--depth": ("1", "2", "3", "4", "5", "17",
    "100", "100000001"),
    "--replicates": ("1", "2", "16", "17", "64", "100", "100000001"), "--seed": ("0", "1", "18446744073709551616"),
    "--threads": ("1", "2", "3", "1024", "1025"), "--memory": ("1", "410", "450MiB", "2GiB", "1048576", "1048577"),
    "--kernel": ("auto", "dense", "reduced", "stored"), "--inputs": ("1", "2", "3", "1000", "1001"),
    "--recorded-depths": ("0", "1", "1,2", "0,1,2,3,4", "2,1"), "--weight-gradients": ("1", "1,2", "4"),
    "--betas": ("0,1", "0:1:2", "0.5"), "--parameters": ("0.3,0.7", "0.1:0.9:2", "0.5"), "--draws": ("1", "2"),
    "--out": ("o.npz", "o", "o.png", "o.csv", "O.NPZ", "folder", "folder/o.npz", "a/b/c", ".hidden", "sp ace.npz",
    "\u03c0.npz"),
    "--optimiser": ("adam", "gradient-descent", "momentum", "adam:beta=1", "momentum:momentum=2", "adam:beta1=nan",
    "sgd"),
    "--learning-rate": ("0.001", "0", "1e300", "-1"), "--rate-power": ("0", "1", "-300", "300"), "--decay": ("1",
    "0.5", "0"),
    "--epochs": ("1", "2", "10001"), "--batch": ("1", "7", "100000", "100001"), "--validation": ("0", "0.2", "0.5",
    "1", "1e-9"),
    "--trained-scaling": ("fixed", "shared", "layers"), "--precision": ("single", "double"),
    "--entries": ("0:0", "0:1,1:0", "4:4", "-1:0"), "--data": ("digits", "folder", "empty"), "--decay-after": ("0",
    "1"),
    "--selection": ("validation", "test"), "--profile": ("quick", "standard", "nightly"), "--budget": ("1s",
    "1e-9s", "1e300h", "10min"),
    "--history": ("h.db", "new.db", "own.py", "empty", "dangling", "folder/h.db"), "--claims": ("own.py", "broken.py",
    "empty", "notes.txt"),
    "--import": ("h.jsonl", "own.py", "empty"), "--export": ("h.jsonl", "h.db"), "--examples": ("1", "2", "1000001"),
    "--minutes": ("0.01", "0", "1e-300"), "--level": ("0.01", "0", "1", "1e-300", "0.999999"),
    "--regime": ("one-layer", "own"),
    "--network": ("linear, width 2, depth 3, beta 0.5, gaussian weights, gaussian input", "linear", "width 2"),
    "--check": ("displacement", "x"),
}  # fmt: skip

#: What keeps a command small, and may be replaced.
BASES = {
    "simulate": ("--width", "4", "--depth", "4", "--replicates", "20", "--out", "o.npz"),
    "map": ("--width", "3", "--depth", "4", "--parameters", "0.3,0.7", "--betas", "0,1", "--draws", "1", "--inputs",
    "2", "--out",
            "o.npz"),
    "train": ("--width", "3", "--depth", "5", "--epochs", "1", "--replicates", "1", "--out", "o.npz"),
    "figure": ("--depth", "5", "--replicates", "16", "--out", "o"),
    "run": ("--claims", "own.py", "--out", "o"),
    "search": ("--examples", "1"),
    "calibrate": ("--threads", "1", "--out", "o"),
    "history": ("--history", "h.db"),
    "report": ("--out", "r"),
    "compare": (),
    "list": (),
    "show": (),
}  # fmt: skip

WORDS = {
    "figure": ("1", "2", "3", "4", "5", "6", "7", "8", "9", "0", "10"),
    "run": ("X1", "E8", "E99"),
    "search": ("E1", "E4", "P2", "E13", "X1", "E99"),
    "show": ("E1", "E8", "X1", "E99"),
    "calibrate": ("proportion", "nothing"),
    "compare": ("r", "r/results.json", "folder", "h.db", "own.py"),
}

#: How many words a command takes, at least and at most.
NUMBERS = {"figure": (1, 1), "run": (0, 2), "search": (1, 1), "show": (1, 1), "calibrate": (1, 2), "compare": (2, 2)}

#: Commands that take seconds are drawn rarely.
OFTEN = (*("simulate",) * 10, *("map",) * 5, *("train",) * 3, *("run",) * 3, *("figure",) * 2, *("history",) * 3,
    "search", "list", "show", "report", "compare",
         "calibrate")  # fmt: skip


def options_of(name: str) -> dict[str, bool]:
    """Return the options of a command, and whether each takes a value."""
    found = {}
    for parameter in cli.commands[name].params:
        for option in (*parameter.opts, *parameter.secondary_opts):
            if option.startswith("--"):
                found[option] = not (getattr(parameter, "is_flag", False) or getattr(parameter, "count", False))
    return found


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    """Draw a command line for a folder as :func:`lay_out_foreign` makes it."""
    name = draw(st.sampled_from(OFTEN))
    base = BASES[name]
    values = dict(zip(base[::2], base[1::2], strict=True))
    flags = []
    options = options_of(name)
    for option in draw(st.lists(st.sampled_from(sorted(options)), max_size=4)):
        if not options[option]:
            flags.append(option)
        elif option in MEANT and draw(st.integers(0, 3)):
            values[option] = draw(st.sampled_from(MEANT[option]))
        else:
            values[option] = draw(st.one_of(st.sampled_from(ODD), st.text(max_size=8).filter(lambda t: "\0" not in t)))
    if values and not draw(st.integers(0, 15)):
        values.pop(draw(st.sampled_from(sorted(values))))
    words = []
    if name in WORDS:
        least, most = NUMBERS[name]
        words = draw(st.lists(st.sampled_from(WORDS[name]), min_size=least, max_size=most))
        if not draw(st.integers(0, 15)):
            words = [draw(st.sampled_from(ODD))]
    return [name, *words, *(part for pair in values.items() for part in pair), *flags]
