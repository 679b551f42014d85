"""What belongs to the robustness test alone: training never learns from it.

All of ImageNet-C (Hendrycks and Dietterich, arXiv 1903.12261), its four extra
corruptions among them, and what people and shops lay over photos.
"""

FAMILIES_OF_THE_TEST = (
    # noise
    "gaussian_noise",
    "shot_noise",
    "impulse_noise",
    "speckle_noise",
    # blur
    "gaussian_blur",
    "defocus_blur",
    "glass_blur",
    "motion_blur",
    "zoom_blur",
    # weather
    "snow",
    "frost",
    "fog",
    "spatter",
    # digital
    "brightness",
    "contrast",
    "saturate",
    "elastic_transform",
    "pixelate",
    "jpeg_compression",
    # ours
    "occlusion",
    "scribble",
    "sticker",
    "text",
)
