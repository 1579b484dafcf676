"""Five sites as they exist: each has its settings here, all go through the same journeys, some have tests of their own."""
