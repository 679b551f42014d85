"""The recipes, by name: how a network is made and taught.

Each takes a ``Job`` and hands back a model that takes raw RGB 0..255. A recipe named
for an article does what the article did; the others are ours.
"""

from collections.abc import Callable
from dataclasses import replace

from pipeline.networks.backend import keras
from pipeline.networks.precision import in_float32
from pipeline.train.devices import computing
from pipeline.train.job import Job, Trained
from pipeline.train.quick import quick
from pipeline.train.recipes.cifar10 import cifar10_cnn, cifar10_tuned
from pipeline.train.recipes.finetune import finetune
from pipeline.train.recipes.first_cnn import first_cnn
from pipeline.train.recipes.guitar_2017 import guitar_2017
from pipeline.train.recipes.mnist import mnist_cnn, mnist_tuned
from pipeline.train.recipes.small_cnn import small_cnn

Recipe = Callable[[Job], Trained]

RECIPES: dict[str, Recipe] = {
    "finetune": finetune,
    "quick": quick,
    "small-cnn": small_cnn,
    "guitar-2017": guitar_2017,
    "first-cnn": first_cnn,
    "mnist-cnn": mnist_cnn,
    "mnist-tuned": mnist_tuned,
    "cifar10-cnn": cifar10_cnn,
    "cifar10-tuned": cifar10_tuned,
}


def follow_recipe(job: Job) -> Trained:
    """Train as the set's recipe says, from the set's seed.

    Whatever it was taught in and on, the model handed back computes in float32.
    """
    settings = job.material.settings
    keras.utils.set_random_seed(settings.seed)
    with computing(settings, job.say) as precision:
        trained = RECIPES[settings.recipe](job)
    return replace(trained, model=in_float32(trained.model), precision=precision)
