"""Independent reference values for the privacy arithmetic, by mpmath at 120 digits.

    python3 -m venv venv && venv/bin/pip install mpmath==1.4.1
    venv/bin/python make_reference.py          # rewrites the .json files beside this script

Formulas are used as printed in the papers (normal distribution functions and their difference),
not in the rearranged forms of the crate. A number the crate must round up is given as the least
double not below the true value ("ceil"), one it must round down as the greatest not above it.
"""

import json
import math
import pathlib
import random

import mpmath
from mpmath import mp, mpf

mp.dps = 120
HERE = pathlib.Path(__file__).parent


def phi(x):
    """Distribution function of the standard normal."""
    return mpmath.erfc(-x / mpmath.sqrt(2)) / 2


def delta_of(epsilon, mu):
    """Balle & Wang (2018), Theorem 8, with sensitivity/sigma = mu."""
    half, shift = mu / 2, epsilon / mu
    return phi(half - shift) - mpmath.exp(epsilon) * phi(-half - shift)


def ceil(x):
    """The least double not below x."""
    near = float(x)
    return near if mpf(near) >= x else math.nextafter(near, math.inf)


def floor(x):
    """The greatest double not above x."""
    near = float(x)
    return near if mpf(near) <= x else math.nextafter(near, -math.inf)


def bisect(f, low, high):
    """The root of the increasing f between low and high, to 60 digits."""
    while high - low > mpf(10) ** -60 * abs(high):
        middle = (low + high) / 2
        if f(middle) < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def mu_of(epsilon, delta):
    """The mu with delta_of(epsilon, mu) = delta, bracketed by b - a between -10 and 40."""
    if epsilon == 0:
        return 2 * mpmath.sqrt(2) * mpmath.erfinv(delta)

    def mu_at(u):
        # mu/2 = a and epsilon/mu = b with b - a = u: mu = -u + sqrt(u^2 + 2 epsilon)
        root = mpmath.sqrt(u * u + 2 * epsilon)
        return 2 * epsilon / (root + u) if u > 0 else root - u

    u = bisect(lambda u: mpf(delta) - delta_of(epsilon, mu_at(u)), mpf(-10), mpf(40))
    return mu_at(u)


def epsilon_of(delta, mu):
    """The epsilon with delta_of(epsilon, mu) = delta; 0 if delta covers even that."""
    if delta_of(mpf(0), mu) <= delta:
        return mpf(0)
    return bisect(lambda e: mpf(delta) - delta_of(e, mu), mpf(0), mu * (mu / 2 + 40))


def write(name, rows):
    text = "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n"
    (HERE / name).write_text(text)


def mechanism():
    rows = []
    sensitivities = [1.0, 0.37, 40.0, 1e-9]
    for i, epsilon in enumerate([1e-6, 1e-3, 0.1, 1.0, 3.0, 10.0, 1e3, 1e6, 1e9]):
        for j, delta in enumerate([1e-300, 1e-100, 1e-12, 1e-5, 0.1, 0.5]):
            sensitivity = sensitivities[(i + j) % 4]
            exact = mpf(sensitivity) / mu_of(mpf(epsilon), mpf(delta))
            sigma = float(exact)
            mu = mpf(sensitivity) / mpf(sigma)
            rows.append({
                "epsilon": epsilon, "delta": delta, "sensitivity": sensitivity,
                "sigma_ceil": ceil(exact),
                # The other two directions start from this sigma, a double.
                "sigma": sigma,
                "epsilon_ceil": ceil(epsilon_of(mpf(delta), mu)),
                "delta_ceil": ceil(delta_of(mpf(epsilon), mu)),
            })
    # delta alone covers the difference: epsilon is 0
    for mu, delta in [(1e-3, 0.1), (0.1, 0.04), (1.0, 0.5), (1e-7, 1e-7)]:
        rows.append({
            "epsilon": 0.0, "delta": delta, "sensitivity": mu,
            "sigma_ceil": ceil(mpf(mu) / mu_of(mpf(0), mpf(delta))),
            "sigma": 1.0, "epsilon_ceil": 0.0, "delta_ceil": ceil(delta_of(mpf(0), mpf(mu))),
        })
    write("mechanism.json", rows)


def gdp():
    rng = random.Random(7)
    rows = []
    while len(rows) < 80:
        mu = 10 ** rng.uniform(-10, 5)
        u = rng.uniform(-6, 36)
        epsilon = float(mpf(mu) * (mpf(mu) / 2 + mpf(u)))
        if epsilon < 0:
            continue
        delta = delta_of(mpf(epsilon), mpf(mu))
        stated = float(delta)
        rows.append({
            "mu": mu, "epsilon": epsilon, "delta_ceil": ceil(delta),
            "delta": stated, "epsilon_ceil": ceil(epsilon_of(mpf(stated), mpf(mu))),
            "mu_floor": floor(mu_of(mpf(epsilon), mpf(stated))),
        })
    write("gdp.json", rows)


def classical():
    rows = []
    for epsilon in [1e-6, 0.1, 0.5, 1.0]:
        for delta in [1e-300, 1e-12, 1e-5, 0.1, 0.5]:
            sigma = mpmath.sqrt(2 * mpmath.log(mpf(1.25) / mpf(delta))) / mpf(epsilon)
            rows.append({"epsilon": epsilon, "delta": delta, "sigma_ceil": ceil(sigma)})
    write("classical.json", rows)


def mills():
    rows = []
    for t in [0.0, 1e-300, 1e-9, 0.01, 0.5, 1.0, 2.0, 2.999, 3.0, 3.001, 4.0, 5.5, 8.0, 13.0,
              20.0, 37.0, 39.0, 500.0, 1e8, 1e100]:
        x = mpf(t)
        # erfc(x/√2) e^{x²/2}; far out, where mpmath gives up, four terms of its expansion
        ratio = (mpmath.exp(x * x / 2) * mpmath.sqrt(2 * mpmath.pi) * phi(-x) if t < 1e4
                 else (1 - x ** -2 + 3 * x ** -4 - 15 * x ** -6) / x)
        high = float(ratio)
        rows.append({"t": t, "high": high, "low": float(ratio - mpf(high))})
    write("mills.json", rows)


def noisy_fine_tuning():
    rows = []
    cases = [
        (1.0, 0.1, 1.0, 0.0, 0), (1.0, 0.1, 1.0, 0.0, 1), (1.0, 0.1, 1.0, 0.0, 1000),
        (5.0, 1e-3, 10.0, 0.0, 10_000_000), (5.0, 1e-3, 10.0, 1e-13, 10_000_000),
        (5.0, 1e-3, 10.0, 1e-5, 10_000_000), (5.0, 1e-3, 10.0, 1e-3, 10_000_000),
        (20.0, 0.5, 0.01, 1.0, 7), (20.0, 0.5, 0.01, 1.999, 3), (20.0, 0.5, 0.01, 1.999999, 50),
        (1e-3, 1e-2, 1e-4, 50.0, 100), (1e6, 1e-2, 1e-4, 0.5, 2000), (100.0, 1e-4, 1.0, 5.0, 1),
        (3.0, 0.01, 1.0, 1e-300, 12), (7.0, 0.25, 2.0, 0.125, 64),
    ]
    for radius, step, clip, decay, steps in cases:
        a = 1 - mpf(step) * mpf(decay)
        if steps == 0:
            shift, weight = 2 * mpf(radius), mpf(1)
        elif a == 1:
            shift, weight = 2 * mpf(radius) + 2 * mpf(step) * mpf(clip) * steps, mpf(steps)
        else:
            # more digits, for 1 - a may be 1e-300
            with mpmath.workdps(800):
                a = 1 - mpf(step) * mpf(decay)
                shift = a ** steps * 2 * mpf(radius) \
                    + 2 * mpf(step) * mpf(clip) * (1 - a ** steps) / (1 - a)
                weight = (1 - a ** (2 * steps)) / (1 - a * a)
        rows.append({
            "radius": radius, "step_size": step, "clip_norm": clip, "weight_decay": decay,
            "noisy_steps": steps, "sensitivity_ceil": ceil(shift / mpmath.sqrt(weight)),
        })
    write("noisy_fine_tuning.json", rows)


if __name__ == "__main__":
    mechanism()
    gdp()
    classical()
    mills()
    noisy_fine_tuning()
