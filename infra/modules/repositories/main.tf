# Where the stages' images are pushed to. A module of its own, for it is made before everything else of an
# environment: images are pushed, and only then is anything made that runs them.

resource "aws_ecr_repository" "this" {
  for_each = var.stages

  # checkov:skip=CKV_AWS_136: images hold public code and no data; AES256 encrypts them, a customer key costs 1 USD a month
  name                 = "market-lake/${var.environment}/${each.key}"
  image_tag_mutability = "IMMUTABLE"
  tags                 = { Stage = each.key }

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "AES256"
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  for_each = aws_ecr_repository.this

  repository = each.value.name

  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "the images of the last deployments, to roll back to"
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = var.kept_images }
      action       = { type = "expire" }
    }]
  })
}
