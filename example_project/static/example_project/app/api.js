// The API, as a front end uses it: JSON, the session cookie, and the CSRF token of the last session object.

let token = "";

export class Problem extends Error {
  constructor(problem) {
    super(problem.detail || problem.title);
    this.code = problem.code;
    this.fields = problem.fields ?? {};
    this.step = problem.step;
  }
}

const call = async (url, method, body) => {
  const response = await fetch(url, {
    method,
    credentials: "include", // as a front end at another origin must; at the site's own it makes no difference
    headers: {
      Accept: "application/json",
      "Accept-Language": document.documentElement.lang, // so that its texts and ours are in one language
      ...(body === undefined ? {} : { "Content-Type": "application/json", "X-CSRFToken": token }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  token = response.headers.get("X-CSRFToken") ?? token;
  const answer = await response.json();
  if (!response.ok) throw new Problem(answer);
  return answer;
};

// The addresses beside that of the session.
export const api = (session) => {
  const address = (path) => new URL(`../${path}`, new URL(session, location.href)).href;
  return {
    get: (path) => call(address(path), "GET"),
    post: (path, body = {}) => call(address(path), "POST", body),
    patch: (path, body) => call(address(path), "PATCH", body),
  };
};
