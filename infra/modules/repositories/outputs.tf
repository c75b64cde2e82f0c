output "urls" {
  description = "Where images are pushed to, by stage."
  value       = { for stage, repository in aws_ecr_repository.this : stage => repository.repository_url }
}

output "arns" {
  description = "ARNs of the repositories, by stage."
  value       = { for stage, repository in aws_ecr_repository.this : stage => repository.arn }
}
