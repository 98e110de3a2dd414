"""Runs the reference on one conversation and keeps every stage under the names of --dump.

Stages (docs/accuracy.md): frames.{i}, frame_indices.{i}, frame_times.{i}, pixel_values.{i},
vision.embeddings, vision.deepstack.{k}, position_ids, rope.cos, rope.sin, hidden.{layer}, logits,
prompt_tokens, tokens. The model runs in F32 on the CPU, whatever the checkpoint stores.
"""

import fractions
import json
import pathlib
import subprocess

import numpy as np
import torch
import transformers
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor
from transformers.video_utils import VideoMetadata

GREEDY_STEPS = 64


def version():
    return int(transformers.__version__.split(".")[0])


def load(directory):
    """The processor and the model of a checkpoint directory."""
    torch.set_num_threads(1)
    model = AutoModelForImageTextToText.from_pretrained(directory, dtype=torch.float32)
    return AutoProcessor.from_pretrained(directory), model.eval()


def decode(path):
    """All frames of a clip of constant rate as [frames, height, width, 3], and its rate."""
    probe = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries",
         "stream=width,height,avg_frame_rate", "-of", "json", path],
        check=True, capture_output=True)
    stream = json.loads(probe.stdout)["streams"][0]
    raw = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", path, "-fps_mode", "passthrough", "-sws_flags",
         "bitexact+accurate_rnd+full_chroma_int", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
        check=True, capture_output=True).stdout
    frames = np.frombuffer(raw, np.uint8).reshape(-1, stream["height"], stream["width"], 3)
    return frames, float(fractions.Fraction(stream["avg_frame_rate"]))


class Media:
    """One video or image of a conversation, in the order of the prompt.

    A video holds either all its frames, and the processor samples, or frames that were sampled
    already, with their indices in the source.
    """

    def __init__(self, kind, frames, rate=None, indices=None):
        self.kind, self.frames, self.rate, self.indices = kind, frames, rate, indices

    @staticmethod
    def open(kind, path):
        if kind == "image":
            return Media(kind, np.asarray(Image.open(path).convert("RGB"))[None])
        return Media(kind, *decode(path))


def media_parts(messages):
    """(kind, file) of every video and image of the messages, in order."""
    for message in messages:
        if isinstance(message["content"], list):
            for part in message["content"]:
                if part["type"] in ("video", "image"):
                    yield part["type"], part[part["type"]]


def process(processor, messages, tools, media):
    """Processor inputs as a user gets them, and the prompt's text. Leaves the sampled frames in `media`."""
    prompt = processor.apply_chat_template(
        messages, tools=tools, tokenize=False, add_generation_prompt=True)
    images = [Image.fromarray(m.frames[0]) for m in media if m.kind == "image"]
    videos = [m for m in media if m.kind == "video"]
    more = {}
    if images:
        more["images"] = images
    if videos:
        sampled = [m.indices is not None for m in videos]
        assert all(sampled) or not any(sampled), "give frames for every video or for none"
        more["videos"] = [m.frames for m in videos]
        more["video_metadata"] = [
            VideoMetadata(
                total_num_frames=len(m.frames), fps=m.rate, height=m.frames.shape[1],
                width=m.frames.shape[2], duration=len(m.frames) / m.rate, frames_indices=m.indices)
            for m in videos
        ]
        more["do_sample_frames"] = not sampled[0]
    inputs = processor(text=[prompt], return_tensors="pt", **more)
    for m in videos:  # what the processor sampled; it does not always return it
        if m.indices is None:
            whole = VideoMetadata(total_num_frames=len(m.frames), fps=m.rate)
            m.indices = processor.video_processor.sample_frames(metadata=whole)
            m.frames = m.frames[m.indices]
    return inputs, prompt


def media_stages(inputs, media):
    """frames, indices, times and patches of each medium, in the order of the prompt."""
    stages = {}
    patches = {"image": inputs.get("pixel_values"), "video": inputs.get("pixel_values_videos")}
    grids = {"image": inputs.get("image_grid_thw"), "video": inputs.get("video_grid_thw")}
    used, seen = {"image": 0, "video": 0}, {"image": 0, "video": 0}
    for i, m in enumerate(media):
        count = int(grids[m.kind][seen[m.kind]].prod())
        stages[f"pixel_values.{i}"] = patches[m.kind][used[m.kind] : used[m.kind] + count]
        used[m.kind] += count
        seen[m.kind] += 1
        indices = np.zeros(1, np.int64) if m.kind == "image" else np.asarray(m.indices)
        stages[f"frames.{i}"] = torch.from_numpy(m.frames.copy())
        stages[f"frame_indices.{i}"] = torch.from_numpy(indices.astype(np.int64))
        stages[f"frame_times.{i}"] = torch.from_numpy(indices / (m.rate or 1.0))
    return stages


class Tap:
    """Keeps what passes through the language model during the prefill."""

    def __init__(self, model):
        self.stages = {}
        words = model.model.language_model
        self.hooks = [
            words.register_forward_pre_hook(self.enter, with_kwargs=True),
            words.rotary_emb.register_forward_hook(self.rope),
        ]
        # What enters a layer is what left the one before it, after the DeepStack addition.
        for i, module in enumerate([*words.layers[1:], words.norm]):
            self.hooks.append(module.register_forward_pre_hook(self.hidden(i), with_kwargs=True))

    def enter(self, module, args, kwargs):
        positions = kwargs["position_ids"]
        if positions.shape[0] == 4:  # some versions carry plain text positions in front
            positions = positions[1:]
        self.stages["position_ids"] = positions[:, 0].clone()
        mask = kwargs.get("visual_pos_masks")
        if mask is not None:
            self.stages["vision.embeddings"] = kwargs["inputs_embeds"][mask].clone()
            for k, feature in enumerate(kwargs["deepstack_visual_embeds"]):
                self.stages[f"vision.deepstack.{k}"] = feature.clone()

    def rope(self, module, args, output):
        cos, sin = (table.reshape(-1, table.shape[-1]) for table in output)
        half = cos.shape[-1] // 2  # the second half repeats the first
        self.stages["rope.cos"], self.stages["rope.sin"] = cos[:, :half].clone(), sin[:, :half].clone()

    def hidden(self, i):
        def hook(module, args, kwargs):
            states = args[0] if args else kwargs["hidden_states"]
            self.stages[f"hidden.{i}"] = states[0].clone()
        return hook

    def remove(self):
        for hook in self.hooks:
            hook.remove()


@torch.no_grad()
def prefill(processor, model, messages, tools, media):
    """All stages up to the first token's logits, and the model's inputs."""
    inputs, prompt = process(processor, messages, tools, media)
    stages = media_stages(inputs, media)
    tap = Tap(model)
    logits = model(**inputs, logits_to_keep=1).logits[0, -1]
    tap.remove()
    return {**stages, **tap.stages, "logits": logits, "prompt_tokens": inputs["input_ids"][0]}, inputs, prompt


@torch.no_grad()
def run(processor, model, messages, tools, media, steps=GREEDY_STEPS):
    """All stages as tensors, the prompt's text and the top-1 margin of every greedy step."""
    stages, inputs, prompt = prefill(processor, model, messages, tools, media)
    out = model.generate(
        **inputs, max_new_tokens=steps, do_sample=False, temperature=None, top_k=None, top_p=None,
        return_dict_in_generate=True, output_logits=True)
    stages["tokens"] = out.sequences[0, inputs["input_ids"].shape[1] :]
    best = torch.stack([step[0] for step in out.logits]).topk(2, dim=-1).values
    return stages, prompt, (best[:, 0] - best[:, 1]).tolist()


def read_inputs(path=pathlib.Path(__file__).parent / "inputs.json"):
    return json.loads(path.read_text())
