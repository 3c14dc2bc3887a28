"""The calls of vLLM, with its errors as docfleet's. No other module imports vLLM.

Imported when an engine starts, after `prepare_engine_environment`: vLLM takes seconds to import,
and reads its environment during the import.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from typing import Any, get_args

import xgrammar
from pydantic import ValidationError
from vllm import AsyncEngineArgs, SamplingParams, envs
from vllm import __version__ as vllm_version
from vllm.config.lora import MaxLoRARanks
from vllm.exceptions import VLLMClientError, VLLMServerError
from vllm.logger import configure_logging
from vllm.lora.request import LoRARequest
from vllm.platforms import current_platform
from vllm.renderers.params import ChatParams
from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams
from vllm.third_party import pynvml
from vllm.tokenizers import cached_tokenizer_from_config
from vllm.v1.engine.async_llm import AsyncLLM
from vllm.v1.engine.exceptions import EngineDeadError
from vllm.v1.structured_output.backend_xgrammar import XgrammarBackend

from schemas.result import Usage
from settings.gpus.kind import Capability
from workers.engine.context import output_room
from workers.engine.control_tokens import control_tokens
from workers.engine.protocol import EngineAnswer, EngineRequest, TokenChoice
from workers.engine.vllm.arguments import VllmBuild
from workers.engine.vllm.device import Device
from workers.engine.vllm.environment import forking
from workers.engine.vllm.executor import OneProcessExecutor
from workers.engine.vllm.guide import grammar_of
from workers.engine.vllm.log import EngineLog, tells_of_memory
from workers.engine.vllm.memory import DeviceMemory
from workers.engine.vllm.processor import read_flags
from workers.engine.vllm.progress import told_steps
from workers.errors import (
    AdapterRefusedError,
    EngineDiedError,
    EngineStartError,
    RequestFailedError,
    RequestRefusedError,
)
from workers.models.adapter import Adapter

VLLM_VERSION: str = vllm_version

_CHAT = ChatParams(chat_template_kwargs={"add_generation_prompt": True})
_PARALLEL = ("tensor", "pipeline", "data", "prefill_context")
_STOP_SECONDS = 30
_PROBE = ({"role": "system", "content": "A"}, {"role": "user", "content": "B"})


def vllm_build() -> VllmBuild:
    """Return the abilities of the installed vLLM."""
    return VllmBuild(
        argument_names=frozenset(field.name for field in dataclasses.fields(AsyncEngineArgs)),
        lora_ranks=sorted(get_args(MaxLoRARanks)),
        on_cpu=current_platform.is_cpu(),
        processor_flags=read_flags(),
    )


def has_device() -> bool:
    """Tell whether vLLM sees a device to compute on."""
    return bool(current_platform.device_type)


def devices() -> tuple[Device, ...]:
    """Return the GPUs that vLLM sees, without using any of their memory."""
    return tuple(map(_device, range(current_platform.device_count())))


def _device(number: int) -> Device:
    capability = current_platform.get_device_capability(number)
    return Device(
        name=current_platform.get_device_name(number),
        capability=Capability(capability.major, capability.minor) if capability else None,
        memory_bytes=current_platform.get_device_total_memory(number),
    )


def gpu_memory(device: int) -> DeviceMemory:
    """Return the memory of a GPU, without using any of it.

    Args:
        device: Number of the GPU, as this process counts them.
    """
    pynvml.nvmlInit()
    try:
        physical = current_platform.device_id_to_physical_device_id(device)
        handle = pynvml.nvmlDeviceGetHandleByIndex(physical)
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
        holders = tuple(
            f"process {process.pid}"
            for process in pynvml.nvmlDeviceGetComputeRunningProcesses(handle)
        )
        return DeviceMemory(free=memory.free, total=memory.total, holders=holders)
    finally:
        pynvml.nvmlShutdown()


def gpu_share(arguments: Mapping[str, Any]) -> float:
    """Return the share of a GPU's memory that an engine with these arguments takes."""
    return float(arguments.get("gpu_memory_utilization", AsyncEngineArgs.gpu_memory_utilization))


class EngineClient:
    """A running vLLM engine; its processes are children of the thread that made it."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        """Start the processes and load the model; blocks until that is done.

        Args:
            arguments: Arguments of AsyncEngineArgs.

        Raises:
            EngineStartError: The engine cannot start; the message has vLLM's last word about the
                cause.
        """
        self._log = EngineLog(str(arguments.get("log_level", envs.VLLM_LOGGING_LEVEL)))
        try:
            self._engine = self._start(dict(arguments))
            config = self._engine.vllm_config.model_config
            self._controls = control_tokens(cached_tokenizer_from_config(config))
        except Exception as error:  # vLLM raises errors of all kinds here
            cause = self._log.cause() or last_words(error)
            self._log.close()
            raise EngineStartError(cause) from error

    def _start(self, arguments: dict[str, Any]) -> Any:
        own_log = not {"log_config_file", "logging_config"} & arguments.keys()
        if own_log:
            arguments["log_config_file"] = str(self._log.config_file)
        one_process = current_platform.is_cpu() and _on_one_device(arguments)
        if one_process:
            arguments["distributed_executor_backend"] = OneProcessExecutor
        vllm_arguments = AsyncEngineArgs(**arguments)
        configure_logging(vllm_arguments.create_logging_config())
        if own_log:
            self._log.use_own_handlers()
        config = vllm_arguments.create_engine_config()
        with forking() if one_process else nullcontext(), told_steps(self._log.progress):
            return AsyncLLM.from_vllm_config(
                config, disable_log_stats=arguments["disable_log_stats"]
            )

    async def check_chat(self) -> None:
        """Check that the model has a chat template for our messages.

        Raises:
            EngineStartError: The model has none.
        """
        try:
            await self._render(_PROBE)
        except RequestRefusedError as error:
            raise EngineStartError(str(error)) from error

    def vocabulary(self) -> str:
        """Return xgrammar's description of the model's tokens, in JSON.

        Raises:
            EngineStartError: xgrammar does not know this kind of tokenizer.
        """
        config = self._engine.vllm_config
        try:
            backend = XgrammarBackend(
                config,
                tokenizer=cached_tokenizer_from_config(config.model_config),
                vocab_size=config.model_config.get_vocab_size(),
            )
            known = backend.compiler.compile_json_schema('{"type": "null"}').tokenizer_info
            return str(known.serialize_json())
        except Exception as error:  # xgrammar raises errors of all kinds
            raise EngineStartError(
                f"guided output cannot be had with the model's tokenizer: {last_words(error)}"
            ) from error

    async def complete(self, request: EngineRequest, adapter_id: int | None) -> EngineAnswer:
        """See Engine.generate; the adapter is already loaded."""
        with self._translated():
            prompt = await self._render(request.messages)
            prompt["cache_salt"] = request.tenant
            prompt_tokens = len(prompt["prompt_token_ids"])
            max_tokens = output_room(
                prompt_tokens, request.max_tokens, self._engine.model_config.max_model_len
            )
            final = None
            async for output in self._engine.generate(
                prompt,
                _sampling(request, max_tokens),
                request.request_id,
                lora_request=_lora(request.adapter, adapter_id),
            ):
                final = output
        if final is None:
            raise RequestFailedError("The engine ended the request without an answer.")
        return _answer(final, guided=request.schema is not None)

    async def _render(self, messages: Any) -> Any:
        """Return the tokens of the model's chat template, of any number."""
        renderer = self._engine.renderer
        unlimited = dataclasses.replace(renderer.default_chat_tok_params, max_total_tokens=None)
        chat = [
            {**message, "content": self._controls.spelled_out(message["content"])}
            for message in messages
        ]
        try:
            _, [prompt] = await renderer.render_chat_async([chat], _CHAT, unlimited)
        except (VLLMClientError, VLLMServerError):
            raise
        except Exception as error:  # templates raise errors of all kinds
            raise RequestRefusedError(
                f"The model's chat template cannot render this chat: {last_words(error)}"
            ) from error
        return prompt

    async def add_adapter(self, adapter: Adapter, adapter_id: int) -> None:
        """Load an adapter and keep it.

        Raises:
            AdapterRefusedError: vLLM cannot load it.
            EngineDiedError: The engine is gone.
        """
        lora = _lora(adapter, adapter_id)
        with self._translated():
            try:
                await self._engine.add_lora(lora)
            except VLLMServerError:
                raise
            except Exception as error:
                # vLLM would count the id of a failed adapter as loaded from now on.
                await self._engine.remove_lora(adapter_id)
                raise AdapterRefusedError(
                    f"The engine cannot load adapter {adapter.name} from {adapter.path}: "
                    f"{self._log.cause() or last_words(error)}"
                ) from error

    async def remove_adapter(self, adapter_id: int) -> None:
        """Unload an adapter that no request is on.

        Raises:
            EngineDiedError: The engine is gone.
        """
        with self._translated():
            await self._engine.remove_lora(adapter_id)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Return docfleet's error for one of vLLM."""
        try:
            yield
        except EngineDeadError as error:
            cause = self._log.cause()
            told = cause or (
                "its log does not say of what; it may have been killed, by hand or by the "
                "kernel for want of the machine's memory."
            )
            raise EngineDiedError(
                f"The engine died: {told}", out_of_memory=tells_of_memory(cause)
            ) from error
        except VLLMClientError as error:
            raise RequestRefusedError(last_words(error)) from error
        except VLLMServerError as error:
            raise RequestFailedError(
                f"The engine failed the request: {last_words(error.__cause__ or error)}"
            ) from error

    async def close(self) -> None:
        """End the processes; waiting requests get EngineDiedError."""
        engine = self._engine
        if (handler := engine.output_handler) is not None:
            # Otherwise it would log the end of its connection as an error.
            handler.cancel()
            await asyncio.gather(handler, return_exceptions=True)
        engine.output_processor.propagate_error(EngineDeadError())
        await asyncio.to_thread(engine.shutdown, timeout=_STOP_SECONDS)
        self._log.close()


def _on_one_device(arguments: Mapping[str, Any]) -> bool:
    """Tell whether the owner leaves the model on one device, and the executor to docfleet."""
    sizes = (arguments.get(f"{kind}_parallel_size", 1) for kind in _PARALLEL)
    return "distributed_executor_backend" not in arguments and all(size == 1 for size in sizes)


def last_words(error: BaseException) -> str:
    """Return the line of an error that says most."""
    if isinstance(error, ValidationError):
        problem = error.errors()[0]
        words = str(problem["msg"]).removeprefix("Value error, ")
        if problem["type"] == "value_error":
            return words
        argument = problem["loc"][0] if problem["loc"] else "an argument"
        return f"{argument} is {problem['input']!r}: {words}"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def _lora(adapter: Adapter | None, adapter_id: int | None) -> Any:
    if adapter is None:
        return None
    return LoRARequest(lora_name=adapter.name, lora_int_id=adapter_id, lora_path=str(adapter.path))


def _sampling(request: EngineRequest, max_tokens: int) -> Any:
    guide = None
    if request.schema is not None:
        guide = _guide(request.schema)
    return SamplingParams(
        temperature=request.sampling.temperature,
        top_p=request.sampling.top_p,
        seed=request.sampling.seed,
        stop=list(request.sampling.stop),
        frequency_penalty=request.sampling.frequency_penalty,
        presence_penalty=request.sampling.presence_penalty,
        max_tokens=max_tokens,
        logprobs=0 if request.with_tokens else None,  # of the chosen tokens only
        output_kind=RequestOutputKind.FINAL_ONLY,
        structured_outputs=guide,
    )


def _guide(schema: Mapping[str, Any]) -> Any:
    """Return what holds an answer to a schema; vLLM keeps notes in it, so each request has its own.

    vLLM refuses a schema that has no grammar.
    """
    grammar = _grammar(json.dumps(schema))
    if grammar is None:
        return StructuredOutputsParams(json=dict(schema))
    return StructuredOutputsParams(grammar=grammar)


@lru_cache(maxsize=256)
def _grammar(schema: str) -> str | None:
    try:
        return grammar_of(xgrammar, schema)
    except Exception:  # noqa: BLE001  # xgrammar raises all kinds
        return None


def _answer(output: Any, *, guided: bool) -> EngineAnswer:
    done = output.outputs[0]
    if done.finish_reason in {"stop", "length"}:
        return EngineAnswer(
            text=done.text,
            finish_reason=done.finish_reason,
            usage=Usage(
                prompt_tokens=len(output.prompt_token_ids),
                cached_tokens=output.num_cached_tokens or 0,
                output_tokens=len(done.token_ids),
            ),
            tokens=tuple(_choices(done)),
        )
    if done.finish_reason == "error" and guided and not done.token_ids:
        raise RequestRefusedError("The engine could not make a grammar of the task's schema.")
    raise RequestFailedError(f"The engine ended the request with {done.finish_reason!r}.")


def _choices(done: Any) -> Iterator[TokenChoice]:
    for token_id, logprobs in zip(done.token_ids, done.logprobs or (), strict=False):
        chosen = logprobs[token_id]
        yield TokenChoice(chosen.decoded_token or "", chosen.logprob)
