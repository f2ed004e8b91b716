/**
 * Says on the login page that the last try failed.
 */
if (new URLSearchParams(location.search).has('failed')) {
  const problem = document.getElementById('problem')
  if (problem) problem.textContent = 'That token is not right.'
  document.getElementById('token')?.setAttribute('aria-invalid', 'true')
}

export {}
