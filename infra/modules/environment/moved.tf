# Where deployments that are older have what is elsewhere now: a stage's repository was made with the stage.
# Such a deployment is applied once as a whole: Terraform takes no -target while something is still to be moved.

moved {
  from = module.stage["plan"].aws_ecr_repository.this
  to   = module.repositories.aws_ecr_repository.this["plan"]
}

moved {
  from = module.stage["plan"].aws_ecr_lifecycle_policy.this
  to   = module.repositories.aws_ecr_lifecycle_policy.this["plan"]
}

moved {
  from = module.stage["bronze"].aws_ecr_repository.this
  to   = module.repositories.aws_ecr_repository.this["bronze"]
}

moved {
  from = module.stage["bronze"].aws_ecr_lifecycle_policy.this
  to   = module.repositories.aws_ecr_lifecycle_policy.this["bronze"]
}

moved {
  from = module.stage["silver"].aws_ecr_repository.this
  to   = module.repositories.aws_ecr_repository.this["silver"]
}

moved {
  from = module.stage["silver"].aws_ecr_lifecycle_policy.this
  to   = module.repositories.aws_ecr_lifecycle_policy.this["silver"]
}

moved {
  from = module.stage["commit"].aws_ecr_repository.this
  to   = module.repositories.aws_ecr_repository.this["commit"]
}

moved {
  from = module.stage["commit"].aws_ecr_lifecycle_policy.this
  to   = module.repositories.aws_ecr_lifecycle_policy.this["commit"]
}

moved {
  from = module.stage["gold"].aws_ecr_repository.this
  to   = module.repositories.aws_ecr_repository.this["gold"]
}

moved {
  from = module.stage["gold"].aws_ecr_lifecycle_policy.this
  to   = module.repositories.aws_ecr_lifecycle_policy.this["gold"]
}

moved {
  from = module.stage["check"].aws_ecr_repository.this
  to   = module.repositories.aws_ecr_repository.this["check"]
}

moved {
  from = module.stage["check"].aws_ecr_lifecycle_policy.this
  to   = module.repositories.aws_ecr_lifecycle_policy.this["check"]
}

# a network of one's own may be given instead
moved {
  from = module.network
  to   = module.network[0]
}
