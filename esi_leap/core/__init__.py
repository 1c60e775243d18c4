"""The rules of leasing, pure: values in, values or errors out, standard library only."""
