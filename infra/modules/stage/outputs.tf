output "task_definition_arn" {
  description = "ARN of the task definition with its revision."
  value       = aws_ecs_task_definition.this["stage"].arn
}

output "role_arns" {
  description = "Roles that whoever starts the task passes on."
  value       = [aws_iam_role.task["stage"].arn, aws_iam_role.execution.arn]
}

output "log_group" {
  description = "Log group of the stage."
  value       = aws_cloudwatch_log_group.this.name
}

output "variables" {
  description = "Environment variables that a task has."
  value       = local.variables
}

output "access" {
  description = "What each task may do to which keys of the lake; the stage's own is `stage`."
  value       = { for key, task in local.tasks : key => task.access }
}

output "secrets" {
  description = "Variables in which ECS hands over a secret, and its ARN."
  value       = var.secrets
}

output "keys" {
  description = "Keys that the role of each task may use through S3; the stage's own is `stage`."
  value = {
    for key, document in data.aws_iam_policy_document.task :
    key => flatten([for statement in document.statement : statement.resources if statement.sid == "UseTheKey"])
  }
}

output "variants" {
  description = "The further tasks by name: their task definitions with their revision, and the roles to pass on."
  value = {
    for name in keys(var.variants) : name => {
      task_definition = aws_ecs_task_definition.this[name].arn
      role_arns       = [aws_iam_role.task[name].arn, aws_iam_role.execution.arn]
    }
  }
}
