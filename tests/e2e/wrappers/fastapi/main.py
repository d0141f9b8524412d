# SPDX-License-Identifier: Apache-2.0
"""A FastAPI application as its users write it; nothing here knows the host."""

from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException, UploadFile, WebSocket
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

models = {}


@asynccontextmanager
async def lifespan(app: FastAPI):
    models["upper"] = str.upper
    yield
    models.clear()


app = FastAPI(title="My model", lifespan=lifespan)


class Item(BaseModel):
    text: str
    times: int = 1


@app.post("/predict")
async def predict(item: Item):
    return {"text": models["upper"](item.text) * item.times}


@app.get("/sync/{name}")
def sync(name: str, q: str = ""):
    if name == "nobody":
        raise HTTPException(404, detail="nobody is here")
    return {"name": name, "q": q}


@app.post("/upload")
async def upload(file: UploadFile):
    return {"name": file.filename, "size": len(await file.read())}


@app.get("/numbers")
def numbers():
    return StreamingResponse((f"{i}\n" for i in range(5)), media_type="text/plain")


@app.websocket("/ws")
async def ws(socket: WebSocket):
    await socket.accept()
    await socket.send_json({"hello": await socket.receive_text()})
    await socket.close()
