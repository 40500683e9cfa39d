"""Sequence members: networks that read a window of feature rows ending at the as-of candle.

windows       which rows end a complete window
scaling       mean and sd of the training part, and the clip: one function trains and serves
architecture  the networks, each for many models at once
tasks         what one network learns: windows of a table, labels of every head, base rates
batches       the tasks' tables on one device, and batches of windows out of them
optimizer     AdamW of many models
training      many models as one batched module, each with its own early stopping
export        one ONNX file, accepted only where it equals torch on real windows
model         the fitted member; inference by ONNX Runtime alone, without torch
learner       the configs: from training sets to tasks, and from what was trained to members
"""
