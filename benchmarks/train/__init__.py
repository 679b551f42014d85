"""Training: how fast it is fed, how long it takes, how much it needs.

    fit          images a second through our fit, beside a bare Keras loop
    inputs       the input side alone, beside the article's, albumentations and Keras
    quick        the recipe quick on 2,750 photos, by the real command
    memory       100,000 photos beside 1,000
    updates      finetune beside the article's recipe on six guitars (MEKIKI_TEST_DATA)
    photos       drawn photos; sets, the sets that are trained

``--quick`` leaves memory and updates out.
"""

from benchmarks.figures import Figure


def measure(*, quick: bool) -> dict[str, Figure]:
    """Measure everything; the long ones only where it need not be quick."""
    # here: some of these modules are also run by themselves
    from benchmarks.train.fit import fit_figures
    from benchmarks.train.inputs import input_figures
    from benchmarks.train.quick import quick_figures

    figures = input_figures(quick=quick) | quick_figures() | fit_figures(quick=quick)
    if quick:
        return figures
    from benchmarks.train.memory import memory_figures
    from benchmarks.train.updates import update_figures

    return figures | memory_figures() | update_figures()
