# synthgen in a container:
#
#   docker build -t synthgen .
#   docker run --rm -v "$PWD:/work" --user "$(id -u):$(id -g)" synthgen run spec.yaml
#
# This image uses the CPU. For NVIDIA GPUs, build with `--build-arg TORCH_BACKEND=cu130` (the CUDA version of PyTorch's
# wheels, which bring their libraries: no CUDA base image is needed), and run with `docker run --gpus all`, which takes
# NVIDIA's Container Toolkit on the host. Mount a folder or a volume at /cache to keep models from the hub.
FROM python:3.11-slim AS build

COPY . /source
WORKDIR /source
RUN pip install --no-cache-dir "uv==0.13.*" \
    && uv build --wheel --out-dir /dist

FROM python:3.11-slim

ARG TORCH_BACKEND=cpu

COPY --from=build /dist /dist
RUN pip install --no-cache-dir "uv==0.13.*" \
    && uv pip install --system --no-cache --torch-backend "$TORCH_BACKEND" /dist/*.whl

# With --user, the container may run as any user, so everyone may write to these folders, as to /tmp.
ENV HF_HOME=/cache/huggingface MPLCONFIGDIR=/cache/matplotlib
RUN useradd --create-home --uid 1000 synthgen \
    && mkdir -p /cache /work \
    && chmod 1777 /cache /work
USER 1000
WORKDIR /work
RUN synthgen doctor

ENTRYPOINT ["synthgen"]
CMD ["--help"]
