# Where deployments that are older have what is made by one text now. Variants one by one: a resource
# as a whole does not move to where there is one already.

moved {
  from = aws_ecs_task_definition.this
  to   = aws_ecs_task_definition.this["stage"]
}

moved {
  from = aws_ecs_task_definition.variant["maintain"]
  to   = aws_ecs_task_definition.this["maintain"]
}

moved {
  from = aws_iam_role.task
  to   = aws_iam_role.task["stage"]
}

moved {
  from = aws_iam_role.variant["maintain"]
  to   = aws_iam_role.task["maintain"]
}

moved {
  from = aws_iam_role_policy.task
  to   = aws_iam_role_policy.task["stage"]
}

moved {
  from = aws_iam_role_policy.variant["maintain"]
  to   = aws_iam_role_policy.task["maintain"]
}
