"""What ``benchmarks.training`` is measured against: ``Trainer``, as its users have it.

    python -m benchmarks.training_peer FOLDER {trainer,grouped,trainer-bf16,loss} [--device cuda]

Nothing of this project is imported here, since importing it changes how the process's memory and
threads are handled. The folder holds a model with its tokenizer and ``features.json``, rows as a
``Trainer`` has them. The last line is one JSON document: the seconds of ``Trainer.train`` and the
peak of resident memory, or the loss of the first batch.
"""

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    DataCollatorForSeq2Seq,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
    Trainer,
    TrainingArguments,
)

ENGINES = ("trainer", "grouped", "trainer-bf16")


def main() -> None:
    """Trains once, or computes one batch's loss."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("engine", choices=[*ENGINES, "loss"])
    parser.add_argument("--rows", type=int, required=True, help="rows of a batch")
    parser.add_argument("--rate", type=float, required=True, help="learning rate")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as scratch:
        trainer = build(arguments, scratch)
        told = loss(trainer) if arguments.engine == "loss" else train(trainer)
    print(json.dumps(told))


def build(arguments: argparse.Namespace, scratch: str) -> Trainer:
    """The ``Trainer`` of the model's kind; it takes grouped rows in the order that they are in."""
    is_encoder_decoder = AutoConfig.from_pretrained(arguments.folder).is_encoder_decoder
    model_kind, kind, arguments_kind = (
        (AutoModelForSeq2SeqLM, Seq2SeqTrainer, Seq2SeqTrainingArguments)
        if is_encoder_decoder
        else (AutoModelForCausalLM, Trainer, TrainingArguments)
    )
    model = model_kind.from_pretrained(arguments.folder, dtype=torch.float32)
    trainer: Trainer = kind(
        model=model,
        args=arguments_kind(
            output_dir=scratch,
            per_device_train_batch_size=arguments.rows,
            num_train_epochs=1,
            learning_rate=arguments.rate,
            train_sampling_strategy="random"
            if arguments.engine.startswith("trainer")
            else "sequential",
            bf16=arguments.engine.endswith("-bf16"),
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=arguments.device == "cpu",
            dataloader_pin_memory=arguments.device == "cuda",
        ),
        train_dataset=json.loads((arguments.folder / "features.json").read_text()),
        data_collator=DataCollatorForSeq2Seq(
            AutoTokenizer.from_pretrained(arguments.folder), model=model
        ),
    )
    return trainer


def train(trainer: Trainer) -> dict[str, float]:
    """Seconds and peak of memory; what a GPU needs to begin is not timed."""
    begin_on(trainer.model, trainer.args.device.type)
    started = time.perf_counter()
    trainer.train()
    return {"seconds": time.perf_counter() - started, "peak_gib": peak_gib()}


def begin_on(model: torch.nn.Module, device: str) -> None:
    """Moves a model, and loads a GPU's libraries."""
    model.to(device)
    if device == "cuda":
        torch.ones(8, 8, device=device).matmul(torch.ones(8, 8, device=device))
        torch.cuda.synchronize()


def peak_gib() -> float:
    """Peak of the GPU's memory where there is one in use, else of this process's resident one."""
    on_gpu = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    if on_gpu:
        return on_gpu / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def loss(trainer: Trainer) -> dict[str, float]:
    """Loss of the first batch, as the ``Trainer`` computes it."""
    with torch.no_grad():
        batch = next(iter(trainer.get_train_dataloader()))
        return {"loss": float(trainer.compute_loss(trainer.model, batch))}


if __name__ == "__main__":
    main()
