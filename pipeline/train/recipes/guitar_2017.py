"""``guitar-2017``: what the article did that mekiki began with.

ResNet50 with its top cut off, flattened, and one softmax layer; all layers are taught,
BatchNorm included, as Keras does unless told otherwise. Photos are turned by up to 45
degrees, shifted and zoomed by up to a fifth, flipped both ways. SGD with Nesterov
momentum, steps of 1,000 batches of 32, until ``val_loss`` has not fallen for 20 of
them; 36 were seen. ``weights`` from ImageNet was transfer, "none" from scratch.

Not told there, and so our assumption: the learning rate, 0.001. One thing differs from
the article's ``ImageDataGenerator``: the height and the width are zoomed alike.
"""

from pipeline.networks.backbones import add_head, batch_norms, build_backbone
from pipeline.networks.backend import keras
from pipeline.train.augment import Strength
from pipeline.train.job import Job, Trained
from pipeline.train.recipes.teaching import teach
from pipeline.train.schedule import Schedule

GUITAR_2017 = Schedule(
    epochs=36,
    learning_rate=0.001,
    warmup_epochs=0,
    patience=20,
    rate="steady",
    time_decay=1e-6,
    momentum=0.9,
    clip_norm=None,
    batches_per_epoch=1000,
)
AFFINE = Strength(turn=45, shift=0.2, zoom=0.2, light=0, mirror=True, upside_down=True)

# Of ResNet50, in other backbones too: MobileNetV2's 0.999 lags behind the weights for
# thousands of batches.
BATCH_NORM_MOMENTUM = 0.99


def guitar_2017(job: Job) -> Trained:
    """Teach all layers of a backbone; every place of its last map has a say."""
    settings = job.material.settings
    backbone = build_backbone(
        settings.backbone, settings.weights, settings.image_size, averaged=False
    )
    flattened = keras.layers.Flatten()(backbone.output)
    model = add_head(keras.Model(backbone.input, flattened), len(job.material.labels))
    for layer in batch_norms(model):
        layer.momentum = BATCH_NORM_MOMENTUM
    return teach(job, model, GUITAR_2017, AFFINE)
