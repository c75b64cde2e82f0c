"""The patches, a module for each service. Importing this registers them all."""

from emulator.patches import (
    athena,
    billing,
    cloudwatch,
    core,
    ecs,
    glue,
    iam,
    jsonata,
    logs,
    s3,
    sqs,
    stepfunctions,
    stepfunctions_map,
    stepfunctions_tasks,
)

__all__ = [
    "athena",
    "billing",
    "cloudwatch",
    "core",
    "ecs",
    "glue",
    "iam",
    "jsonata",
    "logs",
    "s3",
    "sqs",
    "stepfunctions",
    "stepfunctions_map",
    "stepfunctions_tasks",
]
