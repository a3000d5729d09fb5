from votegame.auth.keys import derived_key


def test_each_purpose_has_a_key_of_its_own_that_stays_the_same():
    assert derived_key("secret", "jwt") == derived_key("secret", "jwt")
    keys = {derived_key("secret", "jwt"), derived_key("secret", "cookie"), derived_key("other", "jwt")}
    assert len(keys) == 3
    assert {len(key) for key in keys} == {32}


def test_the_derivation_never_changes():
    # A release that derived another key would log everybody out.
    assert derived_key("secret", "jwt").hex() == "3388187d7cdb767ba4a702c6250ec204ae57a0d21411b43681b07bf34fb1d1e1"
