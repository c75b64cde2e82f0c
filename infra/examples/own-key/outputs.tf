output "environment" {
  description = "Everything that the module environment puts out."
  value       = module.environment
}

# Known before the rest is applied, which needs them.
output "repositories" {
  description = "Where images are pushed to, by stage."
  value       = module.environment.repositories
}

output "images" {
  description = "The image of each stage as deployed, by digest; a plan without new images takes these."
  value       = var.images
}
