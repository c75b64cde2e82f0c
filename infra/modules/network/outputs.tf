output "vpc_id" {
  description = "Id of the VPC."
  value       = aws_vpc.this.id
}

output "subnets" {
  description = "Ids of the subnets that tasks run in."
  value       = local.private ? [for s in aws_subnet.private : s.id] : [for s in aws_subnet.public : s.id]
}

output "security_group" {
  description = "Id of the tasks' security group."
  value       = aws_security_group.tasks.id
}

output "assign_public_ip" {
  description = "ENABLED or DISABLED, as Step Functions wants it."
  value       = local.private ? "DISABLED" : "ENABLED"
}
