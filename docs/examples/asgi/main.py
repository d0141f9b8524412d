# SPDX-License-Identifier: Apache-2.0
"""A FastAPI application, as its users write it; nothing here knows the host."""

from contextlib import asynccontextmanager

from fastapi import FastAPI, WebSocket
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

models = {}


@asynccontextmanager
async def lifespan(app: FastAPI):
    models["upper"] = str.upper  # Where a real one loads its weights.
    yield
    models.clear()


app = FastAPI(title="My model", lifespan=lifespan)


class Item(BaseModel):
    text: str


@app.post("/predict")
async def predict(item: Item):
    return {"text": models["upper"](item.text)}


@app.get("/tokens")
def tokens():
    return StreamingResponse((f"data: {i}\n\n" for i in range(3)), media_type="text/event-stream")


@app.websocket("/chat")
async def chat(socket: WebSocket):
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(models["upper"](text))
