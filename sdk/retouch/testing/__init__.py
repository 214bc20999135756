"""What tests and benchmarks of Retouch, and of third-party operations, build on."""
